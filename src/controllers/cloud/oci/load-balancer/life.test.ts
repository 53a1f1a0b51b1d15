import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Ensured, LoadBalancerProvider } from '../../provider.ts';
import { OciError } from '../calls.ts';
import { ANNOTATIONS } from '../request/annotations.ts';
import { reservePublicIp } from '../testing/world.ts';
import { OciWorld, ociService } from './testing.ts';

const { lb: LB, nlb: NLB } = ANNOTATIONS;
const TYPES = ['lb', 'nlb'] as const;

const byId = <T extends { readonly id: string }>(all: readonly T[]): readonly T[] =>
  all.toSorted((a, b) => (a.id < b.id ? -1 : 1));

function isReady(outcome: Ensured): Extract<Ensured, { kind: 'ready' }> {
  return outcome.kind === 'ready' ? outcome : assert.fail(JSON.stringify(outcome));
}

/** Asks until it fails, and answers with how. */
async function failure(world: OciWorld, provider: LoadBalancerProvider, service = ociService('lb')): Promise<Error> {
  const error = await world.settle(provider, service).then(
    (outcome) => assert.fail(JSON.stringify(outcome)),
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error : assert.fail(String(error));
}

for (const type of TYPES) {
  describe(`a load balancer of type ${type}`, () => {
    const service = ociService(type);

    test('is one, however often its token was used up before', async () => {
      const world = new OciWorld();
      for (let life = 0; life < 4; life++) {
        const provider = world.open();
        isReady(await world.settle(provider, service));
        assert.equal(world.all().length, 1, `life ${life}`);
        await world.removeAll(world.open(), service);
        assert.equal(world.all().length, 0, `life ${life}`);
      }
    });

    test('that OCI could not make is removed, told with OCI’s reason, and made anew ever more seldom', async () => {
      const world = new OciWorld();
      const provider = world.open();
      const kind = type === 'lb' ? 'CreateLoadBalancer' : 'CREATE_NETWORK_LOAD_BALANCER';
      for (let i = 0; i < 3; i++)
        world.cloud.state.work.failNext(kind, { code: 'INTERNAL_ERROR', message: 'no capacity' });
      const waits: number[] = [];
      for (let i = 0; i < 3; i++) {
        assert.match((await failure(world, provider, service)).message, /being made: no capacity/);
        const began = world.clock.now();
        while (world.watched.written.filter((name) => name.includes('.create')).length === i + 1) {
          const outcome = await provider.ensure(service, world.nodes);
          if (outcome.kind !== 'waiting') break;
          await world.clock.advance(outcome.after);
        }
        waits.push(world.clock.now() - began);
      }
      assert.ok(waits[1] !== undefined && waits[2] !== undefined && waits[1] > 5000 && waits[2] > waits[1], `${waits}`);
      isReady(await world.settle(provider, service));
      assert.equal(world.all().length, 1);
    });

    test('that could not be changed rests, unless something else is wanted', async () => {
      const world = new OciWorld();
      const provider = world.open();
      isReady(await world.settle(provider, service));
      const port = (nodePort: number) => ({ name: 'http', protocol: 'TCP' as const, port: 80, nodePort });
      const change = ociService(type, { ports: [port(30081)] });
      world.cloud.state.work.failNext('*', { code: 'INTERNAL_ERROR', message: 'out of luck' });
      assert.match((await failure(world, provider, change)).message, /changing the backend set TCP-80: out of luck/);
      const writes = world.watched.written.length;
      assert.partialDeepStrictEqual(await provider.ensure(change, world.nodes), { kind: 'waiting' });
      assert.equal(world.watched.written.length, writes);
      isReady(await world.settle(provider, ociService(type, { ports: [port(30082)] })));
      assert.match(world.balancers()[0]?.backends.join() ?? '', /:30082/);
    });

    test('is made when there is room for it, and until then people are told that there is none', async () => {
      const world = new OciWorld({ quota: 0 });
      const provider = world.open();
      assert.match((await failure(world, provider, service)).message, /quota is 0 load balancers/);
      world.cloud.state.quota = 1;
      isReady(await world.settle(provider, service));
    });

    test('is asked about no sooner than OCI says', async () => {
      const world = new OciWorld();
      world.cloud.fail({ how: { status: 429, code: 'TooManyRequests', retryAfter: 7 } });
      const error = await failure(world, world.open(), service);
      assert.ok(error instanceof OciError && error.retryAfter === 7000);
    });

    test('is made, changed and removed once, also where the answer is lost at any call', async () => {
      const ports = [80, 443].map((port) => ({
        name: `p${port}`,
        protocol: 'TCP' as const,
        port,
        nodePort: 30_000 + port,
      }));
      const more = ociService(type, { ports }, { [ANNOTATIONS.securityRuleManagementMode]: 'SL-All' });
      for (let nth = 1; ; nth++) {
        const world = new OciWorld();
        const lists = world.cloud.state.securityLists.all();
        const fault = world.cloud.fail({ when: { nth }, how: 'timeout-after-doing' });
        const again = async (work: (provider: LoadBalancerProvider) => Promise<unknown>) => {
          await work(world.open()).catch(async () => {
            await world.clock.advance(90_000);
            await work(world.open());
          });
        };
        for (const wanted of [service, more]) {
          await again(async (provider) => isReady(await world.settle(provider, wanted)));
          assert.equal(world.all().length, 1, `call ${nth}`);
        }
        assert.deepEqual(Object.keys(world.all()[0]?.listeners ?? {}).sort(), ['TCP-443', 'TCP-80']);
        await again((provider) => world.removeAll(provider, more));
        assert.deepEqual(world.all(), [], `call ${nth}`);
        assert.deepEqual(byId(world.cloud.state.securityLists.all()), byId(lists), `call ${nth}`);
        if (fault.met() === 0) break;
      }
    });

    test('that was asked for without an answer is waited for, before all is removed or another is made', async () => {
      const world = new OciWorld();
      const provider = world.open();
      world.cloud.fail({
        when: { call: type === 'lb' ? 'createLoadBalancer' : 'createNetworkLoadBalancer' },
        how: 'drop',
      });
      await failure(world, provider, service);
      const began = world.clock.now();
      assert.notEqual(await provider.remove(service), 'removed');
      await world.removeAll(provider, service);
      assert.ok(world.clock.now() - began >= 60_000);
    });

    test('that somebody deleted is made anew, once it is gone', async () => {
      const world = new OciWorld();
      const provider = world.open();
      isReady(await world.settle(provider, service));
      const [first] = world.all();
      const calls = world.cloud.calls();
      if (type === 'lb') await calls.loadBalancer.deleteLoadBalancer({ loadBalancerId: first?.id ?? '' });
      else await calls.networkLoadBalancer.deleteNetworkLoadBalancer({ networkLoadBalancerId: first?.id ?? '' });
      assert.match(JSON.stringify(await provider.ensure(service, world.nodes)), /is being deleted/);
      isReady(await world.settle(provider, service));
      assert.equal(world.all().length, 1);
      assert.notEqual(world.all()[0]?.id, first?.id);
    });

    test('is found by its tag when its name was changed, and told from a second one', async () => {
      const world = new OciWorld();
      isReady(await world.settle(world.open(), service));
      const [first] = world.all();
      const table = type === 'lb' ? world.cloud.state.loadBalancers : world.cloud.state.networkLoadBalancers;
      table.patch(first?.id ?? '', { displayName: 'mine' });
      const writes = world.watched.written.length;
      const { warnings } = isReady(await world.settle(world.open(), service));
      assert.deepEqual([warnings, world.watched.written.length], [[], writes]);
      await world.removeAll(world.open(), service);
      assert.deepEqual(world.all(), []);
    });

    test('is the oldest where there are several, all of which go with the Service', async () => {
      const world = new OciWorld();
      isReady(await world.settle(world.open(), service));
      const [first] = world.all();
      const timeCreated = new Date(world.clock.now() + 1000);
      if (type === 'lb') {
        const copy = world.cloud.state.loadBalancers.get(first?.id ?? '');
        if (copy) world.cloud.state.loadBalancers.put({ ...copy, id: `${copy.id}9`, timeCreated });
      } else {
        const copy = world.cloud.state.networkLoadBalancers.get(first?.id ?? '');
        if (copy) world.cloud.state.networkLoadBalancers.put({ ...copy, id: `${copy.id}9`, timeCreated });
      }
      const provider = world.open();
      for (let i = 0; i < 2; i++) {
        const { warnings } = isReady(await world.settle(provider, service));
        assert.deepEqual(warnings, [`there is another load balancer of this Service: delete ${first?.id}9`]);
      }
      await world.removeAll(provider, service);
      assert.deepEqual(world.all(), []);
    });

    test('goes when the Service wants the other type', async () => {
      const world = new OciWorld();
      isReady(await world.settle(world.open(), service));
      const other = ociService(type === 'lb' ? 'nlb' : 'lb');
      isReady(await world.settle(world.open(), other));
      const [one, ...others] = world.all();
      assert.deepEqual(others, []);
      assert.match(one?.id ?? '', type === 'lb' ? /^ocid1.networkloadbalancer/ : /^ocid1.loadbalancer/);
    });

    test('changes its backends with the nodes, and nothing else, and leaves what was set by hand', async () => {
      const world = new OciWorld();
      const provider = world.open();
      isReady(await world.settle(provider, service));
      const [first] = world.all();
      const id = first?.id ?? '';
      const { loadBalancers, networkLoadBalancers } = world.cloud.state;
      if (type === 'lb') {
        const set = loadBalancers.get(id)?.backendSets?.['TCP-80'] ?? assert.fail();
        const [one, ...rest] = set.backends;
        assert.ok(one);
        const backends = [{ ...one, drain: true, weight: 3 }, ...rest];
        loadBalancers.patch(id, { backendSets: { 'TCP-80': { ...set, backendMaxConnections: 300, backends } } });
      } else {
        const set = networkLoadBalancers.get(id)?.backendSets?.['TCP-80'] ?? assert.fail();
        const [one, ...rest] = set.backends ?? [];
        assert.ok(one);
        const backends = [{ ...one, isDrain: true, weight: 3 }, ...rest];
        networkLoadBalancers.patch(id, { backendSets: { 'TCP-80': { ...set, isFailOpen: true, backends } } });
      }
      const writes = world.watched.written.length;
      isReady(await world.settle(provider, service, [...world.nodes, world.node('node3', '10.0.0.77')]));
      assert.deepEqual(
        world.watched.written.slice(writes).map((name) => name.split('.')[1]),
        ['updateBackendSet'],
      );
      const backends = type === 'lb' ? loadBalancers.get(id)?.backendSets : networkLoadBalancers.get(id)?.backendSets;
      const set = backends?.['TCP-80'] ?? assert.fail();
      assert.equal(set.backends?.length, 3);
      assert.partialDeepStrictEqual(set, type === 'lb' ? { backendMaxConnections: 300 } : { isFailOpen: true });
      assert.partialDeepStrictEqual(set.backends?.[0], {
        weight: 3,
        ...(type === 'lb' ? { drain: true } : { isDrain: true }),
      });
    });

    test('is read again where somebody has changed it since', async () => {
      const world = new OciWorld();
      const provider = world.open();
      isReady(await world.settle(provider, service));
      const [{ id } = assert.fail()] = world.all();
      const table = type === 'lb' ? world.cloud.state.loadBalancers : world.cloud.state.networkLoadBalancers;
      let isChanged = false;
      world.watched.beforeWrite = () => {
        if (!isChanged) table.patch(id, { displayName: 'changed' });
        isChanged = true;
      };
      const fewer = world.nodes.slice(1);
      assert.partialDeepStrictEqual(await provider.ensure(service, fewer), {
        kind: 'waiting',
        why: 'the load balancer is busy',
      });
      assert.equal(world.balancers()[0]?.backends.length, 2);
      isReady(await world.settle(provider, service, fewer));
      assert.equal(world.balancers()[0]?.backends.length, 1);
    });

    test('is deleted once', async () => {
      const world = new OciWorld({ pace: { kind: 'polls', count: 8 } });
      const provider = world.open();
      isReady(await world.settle(provider, service));
      await world.removeAll(provider, service);
      assert.equal(world.watched.written.filter((name) => /delete(?:Network)?LoadBalancer/.test(name)).length, 1);
    });

    test('waits while somebody else changes it', async () => {
      const world = new OciWorld({ pace: { kind: 'manual' } });
      const provider = world.open();
      await provider.ensure(service, world.nodes);
      world.cloud.state.work.finishAll();
      isReady(await world.settle(provider, service));
      const [first] = world.all();
      const calls = world.cloud.calls();
      const details = { displayName: 'other' };
      if (type === 'lb')
        await calls.loadBalancer.updateLoadBalancer({
          loadBalancerId: first?.id ?? '',
          updateLoadBalancerDetails: details,
        });
      else
        await calls.networkLoadBalancer.updateNetworkLoadBalancer({
          networkLoadBalancerId: first?.id ?? '',
          updateNetworkLoadBalancerDetails: details,
        });
      const fewer = world.nodes.slice(1);
      assert.partialDeepStrictEqual(await provider.ensure(service, fewer), { kind: 'waiting' });
      world.cloud.state.work.finishAll();
      await provider.ensure(service, fewer);
      world.cloud.state.work.finishAll();
      isReady(await world.settle(provider, service, fewer));
      assert.equal(world.balancers()[0]?.backends.length, 1);
    });

    test('has the reserved address that the Service asks for, or tells why not', async () => {
      const world = new OciWorld();
      const asked = ociService(type, { loadBalancerIP: '192.0.2.77' });
      const outcome = await world.settle(world.open(), asked);
      assert.partialDeepStrictEqual(outcome, { kind: 'refused', reason: 'AddressNotAvailable' });
      assert.deepEqual(world.watched.written, [], 'nothing is let through for what cannot be');
      reservePublicIp(world.cloud.state, '192.0.2.77');
      const { ingress } = isReady(await world.settle(world.open(), asked));
      assert.equal(ingress[0]?.ip, '192.0.2.77');
    });

    test('is internal when the Service says so as it is made; later that is told, and changes nothing', async () => {
      const world = new OciWorld();
      const internal = ociService(type, {}, { [ANNOTATIONS[type].internal]: 'true' });
      const { ingress, warnings } = isReady(await world.settle(world.open(), internal));
      assert.match(ingress[0]?.ip ?? '', /^10\./);
      assert.deepEqual(warnings, []);
      const later = isReady(await world.settle(world.open(), service));
      assert.deepEqual(later.ingress, ingress);
      assert.match(later.warnings?.join() ?? '', /it is internal, which cannot be changed/);
    });

    test('that OCI’s own controller made is taken over, and gets our tags', async () => {
      const world = new OciWorld();
      isReady(await world.settle(world.open(), service));
      const [first] = world.all();
      const table = type === 'lb' ? world.cloud.state.loadBalancers : world.cloud.state.networkLoadBalancers;
      table.patch(first?.id ?? '', { freeformTags: { 'made-by': 'oci' } });
      isReady(await world.settle(world.open(), service));
      assert.equal(world.all().length, 1);
      assert.equal(world.all()[0]?.freeformTags?.['made-by'], 'oci');
      assert.equal(world.all()[0]?.freeformTags?.['postern.dev/service'], 'ns/web');
    });

    test('is in the groups that the Service names, and with the mode NSG in one of ours that goes with it', async () => {
      const world = new OciWorld();
      const provider = world.open();
      const managed = ociService(type, {}, { [ANNOTATIONS.securityRuleManagementMode]: 'NSG' });
      isReady(await world.settle(provider, managed));
      const groups = () => world.cloud.state.networkSecurityGroups.all().map(({ id }) => id);
      assert.equal(groups().length, 1);
      assert.deepEqual(world.all()[0]?.networkSecurityGroupIds, groups());
      await world.removeAll(provider, managed);
      assert.deepEqual([world.all(), groups()], [[], []]);
    });

    test('is not made when nobody could reach it, as the security list is full', async () => {
      const world = new OciWorld({ limits: { rulesPerSecurityList: 3 } });
      const asked = ociService(type, {}, { [ANNOTATIONS.securityRuleManagementMode]: 'SL-All' });
      const outcome = await world.settle(world.open(), asked);
      assert.partialDeepStrictEqual(outcome, { kind: 'refused', reason: 'SecurityListFull' });
      assert.deepEqual(world.all(), []);
    });
  });
}

test('a network load balancer has both families, loses one, and gets it again', async () => {
  const world = new OciWorld();
  const provider = world.open();
  const dual = ociService('nlb', { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' });
  const { ingress } = isReady(await world.settle(provider, dual));
  assert.ok(ingress.some(({ ip }) => ip?.includes(':')) && ingress.some(({ ip }) => ip?.includes('.')));
  const is = () => {
    const [{ nlbIpVersion, listeners } = assert.fail()] = world.cloud.state.networkLoadBalancers.all();
    return [nlbIpVersion, Object.keys(listeners ?? {}).sort()];
  };
  assert.deepEqual(is(), ['IPV4_AND_IPV6', ['TCP-80', 'TCP-80-IPv6']]);
  isReady(await world.settle(provider, ociService('nlb')));
  assert.deepEqual(is(), ['IPV4', ['TCP-80']]);
  isReady(await world.settle(provider, dual));
  assert.deepEqual(is(), ['IPV4_AND_IPV6', ['TCP-80', 'TCP-80-IPv6']]);
  isReady(await world.settle(provider, ociService('nlb')));
  isReady(await world.settle(provider, ociService('nlb', { ipFamilies: ['IPv6'] })));
  assert.deepEqual(is(), ['IPV6', ['TCP-80-IPv6']]);
});

test('a load balancer changes its shape, its protocol and its timeouts', async () => {
  const world = new OciWorld();
  const provider = world.open();
  isReady(await world.settle(provider, ociService('lb')));
  const other = ociService(
    'lb',
    {},
    {
      [LB.shape]: 'flexible',
      [LB.shapeMin]: '10',
      [LB.shapeMax]: '100',
      [LB.backendProtocol]: 'HTTP',
      [LB.idleTimeout]: '120',
      [LB.policy]: 'IP_HASH',
      [LB.healthRetries]: '5',
    },
  );
  isReady(await world.settle(provider, other));
  const [made] = world.cloud.state.loadBalancers.all();
  assert.partialDeepStrictEqual(made, {
    shapeName: 'flexible',
    shapeDetails: { minimumBandwidthInMbps: 10, maximumBandwidthInMbps: 100 },
    listeners: { 'HTTP-80': { protocol: 'HTTP', connectionConfiguration: { idleTimeout: 120 } } },
    backendSets: { 'TCP-80': { policy: 'IP_HASH', healthChecker: { retries: 5, port: 10256 } } },
  });
});

test('a network load balancer asks nodes for their endpoints, and passes on who clients are', async () => {
  const world = new OciWorld();
  const local = { externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 } as const;
  isReady(await world.settle(world.open(), ociService('nlb', local, { [NLB.policy]: 'TWO_TUPLE' })));
  const [made] = world.cloud.state.networkLoadBalancers.all();
  assert.partialDeepStrictEqual(made?.backendSets?.['TCP-80'], {
    policy: 'TWO_TUPLE',
    isPreserveSource: true,
    healthChecker: { protocol: 'HTTP', urlPath: '/healthz', port: 32000, returnCode: 200 },
  });
});

test('what OCI finds wrong with a request is refused, in its words', async () => {
  const world = new OciWorld();
  const outcome = await world.settle(world.open(), ociService('lb', {}, { [LB.shape]: '7Mbps' }));
  assert.partialDeepStrictEqual(outcome, { kind: 'refused', reason: 'InvalidParameter' });
});

test('Services of a class of OCI are taken, and those without one where OCI is the default', () => {
  const bare = ociService('lb');
  const { loadBalancerClass: _none, ...spec } = bare.spec ?? {};
  const plain = { ...bare, spec };
  assert.equal(new OciWorld().open().takes(bare), true);
  assert.equal(new OciWorld().open().takes(plain), false);
  assert.equal(new OciWorld({ isDefault: true }).open().takes(plain), true);
  assert.equal(new OciWorld({ isDefault: true, config: { disabled: true } }).open().takes(plain), false);
});
