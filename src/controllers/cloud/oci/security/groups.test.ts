import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestCloud } from '../testing/test-cloud.ts';
import { asked as askedOf, securityWorld } from './testing.ts';

/** A network security group of the administrator's, which nodes are in. */
async function nodeGroup(cloud: TestCloud, displayName = 'nodes group'): Promise<string> {
  const { compartmentId, vcnId } = cloud.world;
  const { network } = cloud.calls();
  const { networkSecurityGroup } = await network.createNetworkSecurityGroup({
    createNetworkSecurityGroupDetails: { compartmentId, vcnId, displayName },
  });
  const { id } = networkSecurityGroup;
  await network.addNetworkSecurityGroupSecurityRules({
    networkSecurityGroupId: id,
    addNetworkSecurityGroupSecurityRulesDetails: {
      securityRules: [{ direction: 'INGRESS', protocol: '6', source: '192.0.2.0/24', sourceType: 'CIDR_BLOCK' }],
    },
  });
  cloud.forget();
  return id;
}

const asked = (name: string, wish: Parameters<typeof askedOf>[1]) => askedOf(name, { mode: 'NSG', ...wish });
const GROUP = 'postern prod default/web';

test('mode NSG makes a group for the load balancer, and has the groups of nodes let it in', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const back = await nodeGroup(cloud);
  const result = await security.ensure(asked('web', { cloud, backendGroups: [back] }), nodes);
  const group = cloud.state.networkSecurityGroups.find(({ displayName }) => displayName === GROUP);
  assert.ok(result.kind === 'open');
  assert.deepEqual(result.groups, [group?.id]);
  assert.deepEqual(group?.freeformTags, {
    'postern.dev/cluster': 'prod',
    'postern.dev/service': 'default/web',
    'postern.dev/service-uid': 'uid-of-web',
  });
  assert.deepEqual(ours(), {
    [GROUP]: [
      'TCP 10256 to nodes group (default/web)',
      'TCP 30080 to nodes group (default/web)',
      'TCP 80 from 0.0.0.0/0 (default/web)',
    ],
    'nodes group': [`TCP 10256 from ${GROUP} (default/web)`, `TCP 30080 from ${GROUP} (default/web)`],
  });
});

test('where nodes see the addresses of clients, their groups let clients in', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const back = await nodeGroup(cloud);
  await security.ensure(
    asked('web', { cloud, backendGroups: [back], preservesSource: true, sources: ['198.51.100.0/24'] }),
    nodes,
  );
  assert.deepEqual(ours()['nodes group'], [
    'TCP 10256 from postern prod default/web (default/web)',
    'TCP 30080 from 198.51.100.0/24 (default/web)',
    'TCP 30080 from postern prod default/web (default/web)',
  ]);
});

test('a change adds and removes just what differs, and nothing when nothing does', async () => {
  const { cloud, security, again, nodes, ours, count } = securityWorld();
  const back = await nodeGroup(cloud);
  const wish = asked('web', { cloud, backendGroups: [back] });
  await security.ensure(wish, nodes);
  cloud.forget();
  await again().ensure(wish, nodes);
  assert.deepEqual(
    cloud.requests.filter(({ method }) => method !== 'GET'),
    [],
  );
  await security.ensure({ ...wish, ports: [{ protocol: 'UDP', port: 80, nodePort: 30080 }] }, nodes);
  assert.deepEqual(ours()[GROUP], [
    'TCP 10256 to nodes group (default/web)',
    'UDP 30080 to nodes group (default/web)',
    'UDP 80 from 0.0.0.0/0 (default/web)',
  ]);
  assert.equal(count('addNetworkSecurityGroupSecurityRules'), 2);
  assert.equal(count('removeNetworkSecurityGroupSecurityRules'), 2);
});

test('all is as it was once it is removed, by the same process or another, and whatever the Service names by then', async () => {
  for (const [isRestarted, isNamed] of [
    [false, true],
    [true, true],
    [true, false],
  ]) {
    const { cloud, security, again, nodes, everything } = securityWorld();
    const backs = [await nodeGroup(cloud), await nodeGroup(cloud, 'others')];
    const before = everything();
    const wish = asked('web', { cloud, backendGroups: backs });
    await security.ensure(wish, nodes);
    const hints = isNamed ? { subnets: wish.subnets, backendGroups: backs } : {};
    assert.equal(await (isRestarted ? again() : security).remove(wish.service, hints), 'removed');
    assert.deepEqual(everything(), before);
  }
});

test('a group of nodes that the Service no longer names has no rules of ours left', async () => {
  const { cloud, security, again, nodes, ours } = securityWorld();
  const [one, two] = [await nodeGroup(cloud, 'one'), await nodeGroup(cloud, 'two')];
  await security.ensure(asked('web', { cloud, backendGroups: [one] }), nodes);
  await again().ensure(asked('web', { cloud, backendGroups: [two] }), nodes);
  assert.deepEqual(Object.keys(ours()), ['two', GROUP]);
});

test('a group that the load balancer is still in is deleted once it has left', async () => {
  const { cloud, security, nodes } = securityWorld();
  const wish = asked('web', { cloud });
  await security.ensure(wish, nodes);
  const group = cloud.state.networkSecurityGroups.find(({ displayName }) => displayName === GROUP);
  const { vnicId = '' } = cloud.nodes[0] ?? {};
  cloud.state.vnics.patch(vnicId, { nsgIds: [group?.id ?? ''] });
  const result = await security.remove(wish.service);
  assert.ok(result !== 'removed' && result.after > 0);
  assert.deepEqual(await security.ensure({ ...wish, mode: 'All' }, nodes), { kind: 'open', groups: [], warnings: [] });
  cloud.state.vnics.patch(vnicId, { nsgIds: [] });
  assert.equal(await security.remove(wish.service), 'removed');
  assert.deepEqual(cloud.state.networkSecurityGroups.all(), []);
});

test('a group whose making was not answered is the one that is used, also after a restart', async () => {
  for (const isRestarted of [false, true]) {
    const { cloud, security, again, nodes } = securityWorld();
    cloud.fail({ when: { call: 'createNetworkSecurityGroup' }, how: 'drop-after-doing' });
    const wish = asked('web', { cloud });
    await assert.rejects(security.ensure(wish, nodes));
    await (isRestarted ? again() : security).ensure(wish, nodes);
    assert.equal(cloud.state.networkSecurityGroups.all().length, 1);
  }
});

test('a group that was made without an answer is removed with its Service', async () => {
  const { cloud, security, nodes } = securityWorld();
  const wish = asked('web', { cloud });
  cloud.fail({ when: { call: 'createNetworkSecurityGroup' }, how: 'timeout-after-doing' });
  await assert.rejects(security.ensure(wish, nodes));
  assert.equal(await security.remove(wish.service), 'removed');
  assert.deepEqual(cloud.state.networkSecurityGroups.all(), []);
});

test('a group that somebody deleted is made again', async () => {
  const { cloud, clock, security, nodes, ours } = securityWorld();
  const wish = asked('web', { cloud, backendGroups: [await nodeGroup(cloud)] });
  await security.ensure(wish, nodes);
  const before = ours();
  const group = cloud.state.networkSecurityGroups.find(({ displayName }) => displayName === GROUP)?.id ?? '';
  await cloud.calls().network.deleteNetworkSecurityGroup({ networkSecurityGroupId: group });
  await clock.advance(60_000);
  const result = await security.ensure(wish, nodes);
  assert.ok(result.kind === 'open' && result.groups.length === 1 && result.groups[0] !== group);
  assert.deepEqual(ours(), before);
});

test('a Service may change its mind about a group any number of times a day', async () => {
  const { cloud, clock, security, nodes } = securityWorld();
  for (let turn = 0; turn < 15; turn++) {
    await clock.advance(60_000);
    await security.ensure(asked('web', { cloud }), nodes);
    assert.equal(cloud.state.networkSecurityGroups.all().length, 1);
    await security.ensure(asked('web', { cloud, mode: 'None' }), nodes);
    assert.equal(cloud.state.networkSecurityGroups.all().length, 0);
  }
});

test('rules come and go in calls of 25', async () => {
  const { cloud, security, nodes, ours, count } = securityWorld();
  const ports = Array.from({ length: 60 }, (_, index) => ({
    protocol: 'TCP' as const,
    port: 8000 + index,
    nodePort: undefined,
  }));
  const wish = asked('web', { cloud, ports });
  await security.ensure(wish, nodes);
  assert.equal(ours()[GROUP]?.length, 60);
  assert.equal(count('addNetworkSecurityGroupSecurityRules'), 3);
  await security.ensure({ ...wish, ports: ports.slice(0, 1) }, nodes);
  assert.equal(ours()[GROUP]?.length, 1);
  assert.equal(count('removeNetworkSecurityGroupSecurityRules'), 3);
});

test('a full group is told, and has as many rules as fit', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const ports = (from: number) =>
    Array.from({ length: 119 }, (_, index) => ({ protocol: 'TCP' as const, port: from + index, nodePort: undefined }));
  const wish = asked('web', { cloud, ports: ports(1000) });
  assert.equal((await security.ensure(wish, nodes)).kind, 'open');
  // All of them go, and others come.
  assert.equal((await security.ensure({ ...wish, ports: ports(2000) }, nodes)).kind, 'open');
  const result = await security.ensure({ ...wish, ports: [...ports(2000), ...ports(3000)] }, nodes);
  assert.ok(result.kind === 'refused' && result.reason === 'SecurityGroupFull');
  assert.match(result.why, /ingress TCP 3001 from 0\.0\.0\.0\/0 and 117 more/);
  assert.equal(ours()[GROUP]?.length, 120);
});

test('with a crash between any two calls, all is as it was once the Service is removed', async () => {
  for (const mode of ['NSG', 'All'] as const) {
    for (let crash = 1; ; crash++) {
      const { cloud, security, again, nodes, everything } = securityWorld();
      const back = await nodeGroup(cloud);
      const before = everything();
      const wish = asked('web', { cloud, mode, backendGroups: [back] });
      // Nothing gets through any more from one call on, as for a process that has died; that one may have been done.
      const how = crash % 2 === 0 ? 'drop' : 'drop-after-doing';
      const dead = cloud.fail({ when: { nth: Math.ceil(crash / 2), times: 1000 }, how });
      await security.ensure(wish, nodes).catch(() => undefined);
      dead.cancel();
      assert.equal(await again().remove(wish.service), 'removed');
      assert.deepEqual(everything(), before, `mode ${mode}, crash ${crash}`);
      if (dead.met() === 0) break;
    }
  }
});

test('nodes that are in none of the groups that are named for them are told', async () => {
  const { cloud, security, nodes } = securityWorld();
  const back = await nodeGroup(cloud);
  const { vnicId = '' } = cloud.nodes[0] ?? {};
  cloud.state.vnics.patch(vnicId, { nsgIds: [back] });
  const result = await security.ensure(asked('web', { cloud, backendGroups: [back] }), nodes);
  assert.ok(result.kind === 'open');
  assert.deepEqual(result.warnings, [
    'node n2 is in none of the network security groups that the Service names for nodes',
  ]);
});

test('bare node ports can be opened in groups', async () => {
  const { cloud, again, nodes, ours } = securityWorld();
  const group = await nodeGroup(cloud);
  const security = again({ nodePortGroups: [group] });
  const rule = { owner: 'default/web', family: 'IPv4', protocol: 'TCP', port: 30080, sources: ['0.0.0.0/0'] } as const;
  assert.deepEqual(await security.ensureNodePorts([rule], nodes), []);
  assert.deepEqual(ours(), { 'nodes group': ['TCP 30080 from 0.0.0.0/0 (default/web:node-ports)'] });
  await security.ensureNodePorts([], nodes);
  assert.deepEqual(ours(), {});
});
