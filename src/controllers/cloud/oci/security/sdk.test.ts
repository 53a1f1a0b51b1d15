import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../../host/clock.ts';
import { silentLogger } from '../../../../host/log.ts';
import type { OciCalls } from '../calls.ts';
import { OciNodes } from '../nodes.ts';
import { startOciCalls } from '../sdk/sdk.ts';
import { subnetReader } from '../subnets.ts';
import { type OciServer, startOciServer } from '../testing/server.ts';
import { Security } from './security.ts';
import { asked, everythingIn, nodeAt } from './testing.ts';

describe("security rules through Oracle's SDK, over HTTPS", () => {
  const ended = new AbortController();
  let server: OciServer;
  let calls: OciCalls;

  before(async () => {
    server = await startOciServer({ nodes: ['n1', 'n2'], pageSize: 5 });
    calls = await startOciCalls(server.config(), { log: silentLogger }, ended.signal);
  });

  after(async () => {
    ended.abort();
    await server.stop();
  });

  /** As after a restart. */
  function security(): Security {
    const { network, compute } = calls;
    const { compartmentId: compartment, vcnId: vcn } = server.world;
    const common = { network, compartment, clock: systemClock, log: silentLogger };
    return new Security({
      ...common,
      subnet: subnetReader(network, systemClock),
      nodes: new OciNodes({ compute, ...common }),
      cluster: 'prod',
      vcn,
      securityLists: {},
    });
  }

  const nodes = () => server.nodes.map(({ name, privateIp }) => nodeAt(name, privateIp));
  const everything = () => everythingIn(server);

  it('lists and groups are as they were once what was let through is taken back', async () => {
    const before = everything();
    const { compartmentId, vcnId } = server.world;
    const { networkSecurityGroup } = await calls.network.createNetworkSecurityGroup({
      createNetworkSecurityGroupDetails: { compartmentId, vcnId, displayName: 'nodes' },
    });
    const wishes = [
      asked('all', { cloud: server, families: ['IPv4', 'IPv6'], preservesSource: true }),
      asked('front', { cloud: server, mode: 'Frontend' }),
      asked('group', { cloud: server, mode: 'NSG', backendGroups: [networkSecurityGroup.id] }),
    ];
    const rule = {
      owner: 'default/bare',
      family: 'IPv4',
      protocol: 'UDP',
      port: 30053,
      sources: ['0.0.0.0/0'],
    } as const;
    const first = security();
    const opened = await Promise.all(wishes.map((wish) => first.ensure(wish, nodes())));
    assert.deepEqual(
      opened.map(({ kind }) => kind),
      ['open', 'open', 'open'],
    );
    assert.deepEqual(await first.ensureNodePorts([rule], nodes()), []);
    const written = everything();
    server.forget();
    const second = security();
    await Promise.all(wishes.map((wish) => second.ensure(wish, nodes())));
    await second.ensureNodePorts([rule], nodes());
    assert.deepEqual(everything(), written);
    assert.deepEqual(
      server.requests.filter(({ method }) => method !== 'GET'),
      [],
    );
    const third = security();
    for (const { service } of wishes) assert.equal(await third.remove(service), 'removed');
    await third.ensureNodePorts([], nodes());
    await calls.network.deleteNetworkSecurityGroup({ networkSecurityGroupId: networkSecurityGroup.id });
    assert.deepEqual(everything(), before);
  });

  it('a list that somebody else has written to is merged again', async () => {
    const id = server.world.securityLists[server.world.subnet2] ?? '';
    const wish = asked('late', { cloud: server, mode: 'Frontend', subnets: [server.world.subnet2] });
    const ours = security();
    await ours.ensure({ ...wish, ports: [] }, nodes());
    server.state.securityLists.patch(id, { ingressSecurityRules: [{ protocol: 'all', source: '192.0.2.0/24' }] });
    assert.equal((await ours.ensure(wish, nodes())).kind, 'open');
    const rules = server.state.securityLists.get(id)?.ingressSecurityRules ?? [];
    assert.deepEqual(
      rules.map(({ source, description }) => [source, description ?? null]),
      [
        ['192.0.2.0/24', null],
        ['0.0.0.0/0', 'Postern: prod/default/late'],
      ],
    );
  });
});
