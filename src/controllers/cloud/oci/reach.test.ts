/** What a Service exposes is really open from end to end, and closed again: judged by the packets that the test cloud lets through. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Service } from '../../../api/core/v1/service.ts';
import { service } from '../testing.ts';
import { OciWorld } from './load-balancer/testing.ts';
import { ANNOTATIONS } from './request/annotations.ts';
import type { LoadBalancerType } from './request.ts';

const CLIENTS = { IPv4: '203.0.113.5', IPv6: '2001:db8:ffff::5' };

interface Wish {
  readonly type: LoadBalancerType;
  readonly mode?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NonNullable<Service['spec']>>;
}

function wished({ type, mode = 'All', annotations = {}, spec = {} }: Wish): Service {
  const made = service('web', { loadBalancerClass: 'oci.oraclecloud.com/load-balancer', ...spec });
  const modeName = ANNOTATIONS[type].securityListManagementMode;
  return {
    ...made,
    metadata: {
      ...made.metadata,
      uid: 'b2c1',
      annotations: { [ANNOTATIONS.type]: type, [modeName]: mode, ...annotations },
    },
  };
}

/** A group that an administrator has put the nodes into. */
async function backendGroup({ cloud }: OciWorld): Promise<string> {
  const { compartmentId, vcnId } = cloud.world;
  const { networkSecurityGroup } = await cloud.calls().network.createNetworkSecurityGroup({
    createNetworkSecurityGroupDetails: { compartmentId, vcnId, displayName: 'nodes' },
  });
  for (const { vnicId } of cloud.nodes) cloud.state.vnics.patch(vnicId, { nsgIds: [networkSecurityGroup.id] });
  return networkSecurityGroup.id;
}

/** A Service, served. */
async function served(wish: Wish, world = new OciWorld()) {
  const provider = world.open();
  const made = wished(wish);
  const outcome = await world.settle(provider, made);
  assert.equal(outcome.kind, 'ready', JSON.stringify(outcome));
  const ingress = outcome.kind === 'ready' ? outcome.ingress.flatMap(({ ip }) => ip ?? []) : [];
  const ask = (to = ingress[0] ?? '', { from = clientOf(to), protocol = 'TCP', port = 80 }: Partial<Ask> = {}) =>
    world.cloud.arrival({ from, to, protocol, port });
  return { world, provider, made, ingress, ask };
}

interface Ask {
  readonly from: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}

const clientOf = (to: string) => (to.includes(':') ? CLIENTS.IPv6 : CLIENTS.IPv4);

for (const type of ['lb', 'nlb'] as const) {
  describe(`a load balancer of OCI, ${type}`, () => {
    it('lets clients through to every node, and no more once it is removed', async () => {
      const { world, provider, made, ask } = await served({ type });
      assert.deepEqual(ask(), { at: ['10.0.0.10:30080', '10.0.0.11:30080'], lost: [] });
      assert.deepEqual(ask(undefined, { port: 81 }).at, []);
      await world.removeAll(provider, made);
      assert.deepEqual(ask().at, []);
    });

    it('lets in whom the Service admits', async () => {
      const { ask } = await served({ type, spec: { loadBalancerSourceRanges: ['203.0.113.0/24'] } });
      assert.equal(ask().at.length, 2);
      assert.deepEqual(ask(undefined, { from: '192.0.2.1' }).at, []);
    });

    it('asks the health check node port of nodes that serve alone', async () => {
      const spec = { externalTrafficPolicy: 'Local', healthCheckNodePort: 31234 } as const;
      const { ask } = await served({ type, spec });
      assert.deepEqual(ask(), { at: ['10.0.0.10:30080', '10.0.0.11:30080'], lost: [] });
    });

    it('leaves the nodes to others where it manages the frontend alone', async () => {
      const { ask } = await served({ type, mode: 'Frontend' });
      const { at, lost } = ask();
      assert.deepEqual(at, []);
      assert.match(lost[0] ?? '', /INGRESS of ocid1\.vnic\..* in nodes/);
    });

    it('opens a group of its own and that of the nodes, and no list, where rules are to be in groups', async () => {
      const world = new OciWorld();
      const { securityLists, securityRules, networkSecurityGroups } = world.cloud.state;
      const before = securityLists.all();
      const group = await backendGroup(world);
      const annotations = {
        [ANNOTATIONS.securityRuleManagementMode]: 'NSG',
        [ANNOTATIONS.backendNetworkSecurityGroups]: group,
      };
      const { provider, made, ask } = await served({ type, annotations }, world);
      assert.deepEqual(ask(), { at: ['10.0.0.10:30080', '10.0.0.11:30080'], lost: [] });
      assert.deepEqual(securityLists.all(), before);
      await world.removeAll(provider, made);
      assert.deepEqual(
        networkSecurityGroups.all().map(({ id }) => [id, securityRules.get(id)]),
        [[group, []]],
      );
    });

    it('follows the port of the Service, and closes the one before', async () => {
      const { world, provider, ask } = await served({ type });
      const ports = [{ name: 'http', protocol: 'TCP', port: 8080, nodePort: 30081 }] as const;
      await world.settle(provider, wished({ type, spec: { ports } }));
      assert.deepEqual(ask(undefined, { port: 8080 }).at, ['10.0.0.10:30081', '10.0.0.11:30081']);
      assert.deepEqual(ask().at, []);
    });
  });
}

describe('a network load balancer of OCI', () => {
  it('lets UDP through', async () => {
    const ports = [{ name: 'dns', protocol: 'UDP', port: 53, nodePort: 30053 }] as const;
    const { ask } = await served({ type: 'nlb', spec: { ports } });
    assert.deepEqual(ask(undefined, { protocol: 'UDP', port: 53 }).at, ['10.0.0.10:30053', '10.0.0.11:30053']);
    assert.deepEqual(ask(undefined, { protocol: 'TCP', port: 53 }).at, []);
  });

  it('lets clients of both families through', async () => {
    const spec = { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' } as const;
    const annotations = { [ANNOTATIONS.nlb.externalOnly]: 'true' };
    const { ingress, ask } = await served({ type: 'nlb', spec, annotations });
    assert.deepEqual(
      ingress.map((address) => [address.includes(':'), ask(address).at.length]),
      [
        [false, 2],
        [true, 2],
      ],
    );
  });
});

describe('bare node ports', () => {
  it('are open on nodes to whom they are for, and closed again', async () => {
    const world = new OciWorld();
    const provider = world.open();
    const publicIp = '198.51.100.7';
    const [one] = world.cloud.nodes;
    world.cloud.state.vnics.patch(one?.vnicId ?? '', { publicIp });
    const rule = {
      owner: 'ns/bare',
      family: 'IPv4',
      protocol: 'TCP',
      port: 30090,
      sources: ['203.0.113.0/24'],
    } as const;
    const ask = (from: string) => world.cloud.arrival({ from, to: publicIp, protocol: 'TCP', port: 30090 }).at;
    assert.deepEqual(await provider.ensureNodePorts?.([rule], world.nodes), []);
    assert.deepEqual([ask(CLIENTS.IPv4), ask('192.0.2.1')], [[`${publicIp}:30090`], []]);
    assert.deepEqual(await provider.ensureNodePorts?.([], world.nodes), []);
    assert.deepEqual(ask(CLIENTS.IPv4), []);
  });
});
