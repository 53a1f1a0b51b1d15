import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addSecurityList, addSubnet } from '../testing/world.ts';
import { asked, nodeAt, securityWorld } from './testing.ts';

const OPEN = { kind: 'open', groups: [], warnings: [] };

test('mode All lets clients to the load balancer, and the load balancer to the nodes', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  assert.deepEqual(await security.ensure(asked('web', { cloud }), nodes), OPEN);
  assert.deepEqual(ours(), {
    lb1: [
      'TCP 10256 to 10.0.0.0/20 (default/web)',
      'TCP 30080 to 10.0.0.0/20 (default/web)',
      'TCP 80 from 0.0.0.0/0 (default/web)',
    ],
    nodes: ['TCP 10256 from 10.0.16.0/20 (default/web)', 'TCP 30080 from 10.0.16.0/20 (default/web)'],
  });
});

test('both families, UDP, the clients that the Service names, and two subnets', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const { subnet1, subnet2 } = cloud.world;
  const wish = asked('dns', {
    cloud,
    families: ['IPv6', 'IPv4'],
    ports: [{ protocol: 'UDP', port: 53, nodePort: 30053 }],
    healthCheckPort: 32000,
    sources: ['198.51.100.0/24', '198.51.100.7/32', '2001:db8:9::/48'],
    subnets: [subnet1, subnet2],
  });
  await security.ensure(wish, nodes);
  const front = [
    'TCP 32000 to 10.0.0.0/20 (default/dns)',
    'TCP 32000 to 2001:db8:100::/64 (default/dns)',
    'UDP 30053 to 10.0.0.0/20 (default/dns)',
    'UDP 30053 to 2001:db8:100::/64 (default/dns)',
    'UDP 53 from 198.51.100.0/24 (default/dns)',
    'UDP 53 from 2001:db8:9::/48 (default/dns)',
  ];
  const prefixes = ['10.0.16.0/20', '10.0.32.0/20', '2001:db8:100:1::/64', '2001:db8:100:2::/64'];
  const back = ['TCP 32000', 'UDP 30053'].flatMap((port) =>
    prefixes.map((prefix) => `${port} from ${prefix} (default/dns)`),
  );
  assert.deepEqual(ours(), { lb1: front, lb2: front, nodes: back });
});

test('where nodes see the addresses of clients, clients are let to the nodes', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  await security.ensure(asked('web', { cloud, preservesSource: true, sources: ['198.51.100.0/24'] }), nodes);
  assert.deepEqual(ours()['nodes'], [
    'TCP 10256 from 10.0.16.0/20 (default/web)',
    'TCP 30080 from 10.0.16.0/20 (default/web)',
    'TCP 30080 from 198.51.100.0/24 (default/web)',
  ]);
});

test('mode Frontend leaves the rules of nodes to the administrator, mode None all of them', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const before = ours();
  await security.ensure(asked('web', { cloud }), nodes);
  await security.ensure(asked('web', { cloud, mode: 'Frontend' }), nodes);
  assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (default/web)'] });
  assert.deepEqual(await security.ensure(asked('web', { cloud, mode: 'None' }), nodes), OPEN);
  assert.deepEqual(ours(), before);
});

test('lists are as they were once all is removed, by the same process and by another', async () => {
  for (const isRestarted of [false, true]) {
    const { cloud, security, again, nodes, everything } = securityWorld();
    const before = everything();
    const wishes = [
      asked('a', { cloud }),
      asked('b', { cloud, preservesSource: true }),
      asked('c', { cloud, mode: 'Frontend' }),
    ];
    await Promise.all(wishes.map((wish) => security.ensure(wish, nodes)));
    const later = isRestarted ? again() : security;
    for (const { service } of wishes) assert.equal(await later.remove(service), 'removed');
    assert.deepEqual(everything(), before);
  }
});

test('what a Service no longer needs closes, also in subnets that it has left before a restart', async () => {
  const { cloud, security, again, nodes, ours } = securityWorld();
  await security.ensure(asked('web', { cloud }), nodes);
  const ports = [{ protocol: 'TCP', port: 443, nodePort: 30443 }] as const;
  await again().ensure(asked('web', { cloud, ports, subnets: [cloud.world.subnet2], mode: 'Frontend' }), nodes);
  assert.deepEqual(ours(), { lb2: ['TCP 443 from 0.0.0.0/0 (default/web)'] });
});

test('two Services on one port share a rule, which goes with the last', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const wish = (name: string) => asked(name, { cloud, mode: 'Frontend' });
  await Promise.all([security.ensure(wish('one'), nodes), security.ensure(wish('two'), nodes)]);
  assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (default/one, default/two)'] });
  await security.remove(wish('one').service);
  assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (default/two)'] });
  await security.remove(wish('two').service);
  assert.deepEqual(ours(), {});
});

test('two clusters may share lists, and rules in them', async () => {
  const { cloud, security, again, nodes, ours } = securityWorld();
  const other = again({ cluster: 'test' });
  const wish = asked('web', { cloud, mode: 'Frontend' });
  await Promise.allSettled([security.ensure(wish, nodes), other.ensure(wish, nodes)]);
  await Promise.all([security.ensure(wish, nodes), other.ensure(wish, nodes)]);
  assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (default/web, test/default/web)'] });
  await security.remove(wish.service);
  assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (test/default/web)'] });
  await again({ cluster: 'test' }).remove(wish.service);
  assert.deepEqual(ours(), {});
});

test('many Services that come together are one write for each list, and none when they come again', async () => {
  const { cloud, clock, security, nodes, count } = securityWorld();
  const wishes = Array.from({ length: 30 }, (_, index) =>
    asked(`s${index}`, { cloud, ports: [{ protocol: 'TCP', port: 8000 + index, nodePort: 30000 + index }] }),
  );
  await Promise.all(wishes.map((wish) => security.ensure(wish, nodes)));
  assert.equal(count('updateSecurityList'), 2);
  await clock.advance(60_000);
  await Promise.all(wishes.map((wish) => security.ensure(wish, nodes)));
  assert.equal(count('updateSecurityList'), 2);
});

test('lists that a Service has nothing to do with are read once, not for each Service', async () => {
  const { cloud, clock, security, nodes, count } = securityWorld();
  await security.ensure(asked('first', { cloud, mode: 'Frontend' }), nodes);
  assert.equal(count('getSecurityList'), 3);
  for (const name of ['second', 'third']) {
    await clock.advance(60_000);
    await security.ensure(asked(name, { cloud, mode: 'Frontend' }), nodes);
  }
  assert.equal(count('getSecurityList'), 5);
  assert.equal(count('listSubnets'), 1);
});

test('what somebody removed by hand is put back, and what is not ours stays as somebody changed it', async () => {
  const { cloud, clock, security, nodes, ours } = securityWorld();
  await security.ensure(asked('web', { cloud }), nodes);
  const before = ours();
  const id = cloud.world.securityLists[cloud.world.nodeSubnet] ?? '';
  cloud.state.securityLists.patch(id, { ingressSecurityRules: [], displayName: 'nodes security list' });
  await clock.advance(60_000);
  await security.ensure(asked('web', { cloud }), nodes);
  assert.deepEqual(ours(), before);
  assert.equal(cloud.state.securityLists.get(id)?.ingressSecurityRules.length, 2);
});

test('a list that somebody else writes to meanwhile is read and merged again', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const id = cloud.world.securityLists[cloud.world.subnet1] ?? '';
  const theirs = { protocol: '6', source: '192.0.2.0/24', description: 'theirs' } as const;
  await security.ensure(asked('other', { cloud, ports: [] }), nodes);
  // What we have read is still fresh, and no longer true.
  const { ingressSecurityRules = [] } = cloud.state.securityLists.get(id) ?? {};
  cloud.state.securityLists.patch(id, { ingressSecurityRules: [...ingressSecurityRules, theirs] });
  await security.ensure(asked('web', { cloud }), nodes);
  assert.ok(ours()['lb1']?.includes('TCP 80 from 0.0.0.0/0 (default/web)'));
  assert.ok(
    cloud.state.securityLists.get(id)?.ingressSecurityRules.some(({ description }) => description === 'theirs'),
  );
});

test('a list that always changes before we write is given up for now', async () => {
  const { cloud, security, nodes, count } = securityWorld();
  cloud.fail({ when: { call: 'updateSecurityList', times: 100 }, how: { status: 412, code: 'NoEtagMatch' } });
  await assert.rejects(security.ensure(asked('web', { cloud, mode: 'Frontend' }), nodes), { status: 412 });
  assert.equal(count('updateSecurityList'), 5);
});

test('a write that was done without an answer is not done twice', async () => {
  for (const how of ['drop-after-doing', 'timeout-after-doing', 'drop'] as const) {
    const { cloud, security, nodes, ours, count } = securityWorld();
    cloud.fail({ when: { call: 'updateSecurityList' }, how });
    await assert.rejects(security.ensure(asked('web', { cloud, mode: 'Frontend' }), nodes));
    assert.deepEqual(await security.ensure(asked('web', { cloud, mode: 'Frontend' }), nodes), OPEN);
    assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (default/web)'] });
    assert.equal(count('updateSecurityList'), how === 'drop' ? 2 : 1);
  }
});

test('a full list is told with its name, and other Services have what fits', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const id = cloud.world.securityLists[cloud.world.subnet1] ?? '';
  const rule = { protocol: 'all', source: '192.0.2.0/24' };
  cloud.state.securityLists.patch(id, { ingressSecurityRules: Array.from({ length: 199 }, () => rule) });
  const ports = [81, 82].map((port) => ({ protocol: 'TCP' as const, port, nodePort: undefined }));
  const [first, second] = await Promise.all([
    security.ensure(asked('one', { cloud, mode: 'Frontend' }), nodes),
    security.ensure(asked('two', { cloud, mode: 'Frontend', ports }), nodes),
  ]);
  assert.deepEqual(first, OPEN);
  assert.ok(second.kind === 'refused' && second.reason === 'SecurityListFull');
  assert.match(
    second.why,
    /"lb1 security list" \(ocid1\.securitylist\.\S+\).*200 ingress rules.*ingress TCP 81 from 0\.0\.0\.0\/0 and 1 more/,
  );
  assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (default/one)'] });
  await security.remove(asked('one', { cloud }).service);
  assert.equal(
    (await security.ensure(asked('two', { cloud, mode: 'Frontend', ports: ports.slice(0, 1) }), nodes)).kind,
    'open',
  );
});

test('a limit of the cloud that is lower than we know is the same', async () => {
  const { cloud, security, nodes } = securityWorld({ limits: { rulesPerSecurityList: 3 } });
  const result = await security.ensure(asked('one', { cloud, mode: 'Frontend' }), nodes);
  assert.ok(result.kind === 'refused' && result.reason === 'SecurityListFull');
  assert.ok(result.why.includes(cloud.world.securityLists[cloud.world.subnet1] ?? ''));
});

test('what the cloud refuses of one Service holds up no other', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const wrong = asked('wrong', { cloud, mode: 'Frontend', ports: [{ protocol: 'TCP', port: 0, nodePort: undefined }] });
  const [refused, open] = await Promise.allSettled([
    security.ensure(wrong, nodes),
    security.ensure(asked('web', { cloud, mode: 'Frontend' }), nodes),
  ]);
  assert.equal(refused.status, 'rejected');
  assert.equal(open.status, 'fulfilled');
  assert.deepEqual(ours(), { lb1: ['TCP 80 from 0.0.0.0/0 (default/web)'] });
});

test('rules go to the list that the configuration names, and else to the oldest', async () => {
  const { cloud, clock, again, nodes, ours } = securityWorld();
  const { vcnId, subnet1 } = cloud.world;
  await clock.advance(1000);
  const younger = addSecurityList(cloud.state, vcnId, 'younger');
  const { securityListIds = [] } = cloud.state.subnets.get(subnet1) ?? {};
  cloud.state.subnets.patch(subnet1, { securityListIds: [younger.id, ...securityListIds] });
  const wish = asked('web', { cloud, mode: 'Frontend' });
  await again().ensure(wish, nodes);
  assert.deepEqual(Object.keys(ours()), ['lb1']);
  await again({ securityLists: { [subnet1]: younger.id } }).ensure(wish, nodes);
  assert.deepEqual(Object.keys(ours()), ['younger']);
  await again({ securityLists: { [subnet1]: 'ocid1.securitylist.oc1.xx.another' } }).ensure(wish, nodes);
  assert.deepEqual(Object.keys(ours()), ['lb1']);
});

test('a subnet without a security list is told', async () => {
  const { cloud, security, nodes } = securityWorld();
  cloud.state.subnets.patch(cloud.world.subnet1, { securityListIds: [] });
  const result = await security.ensure(asked('web', { cloud, mode: 'Frontend' }), nodes);
  assert.ok(result.kind === 'refused' && result.reason === 'SecurityListMissing');
  assert.ok(result.why.includes(cloud.world.subnet1));
});

test('nodes that are no instances are told; where none is one, nothing is opened', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const stranger = nodeAt('stranger', '203.0.113.9');
  const result = await security.ensure(asked('web', { cloud }), [stranger]);
  assert.ok(result.kind === 'refused' && result.reason === 'NodeNotFound' && result.why.includes('stranger'));
  assert.deepEqual(ours(), {});
  const some = await security.ensure(asked('web', { cloud }), [...nodes, stranger]);
  assert.ok(some.kind === 'open' && some.warnings[0]?.includes('stranger'));
});

test('a network in another compartment is cleared up as well', async () => {
  const { cloud, security, again, nodes, everything } = securityWorld();
  const before = everything();
  await security.ensure(asked('web', { cloud }), nodes);
  const elsewhere = cloud.state.newId('compartment');
  const later = again({ compartment: elsewhere, vcn: cloud.world.vcnId });
  assert.equal(await later.remove(asked('web', { cloud }).service), 'removed');
  assert.deepEqual(everything(), before);
});

test('bare node ports open to whom they may in the lists of nodes, and close', async () => {
  const { cloud, security, again, nodes, ours, everything } = securityWorld();
  const before = everything();
  const rule = { owner: 'default/web', family: 'IPv4', protocol: 'TCP', port: 30080, sources: ['0.0.0.0/0'] } as const;
  const other = { ...rule, owner: 'default/dns', protocol: 'UDP', port: 30053, sources: ['198.51.100.0/24'] } as const;
  const nobody = { ...rule, owner: 'default/nobody', port: 30081, sources: [] };
  assert.deepEqual(await security.ensureNodePorts([rule, other, nobody], nodes), []);
  assert.deepEqual(ours(), {
    nodes: [
      'TCP 30080 from 0.0.0.0/0 (default/web:node-ports)',
      'UDP 30053 from 198.51.100.0/24 (default/dns:node-ports)',
    ],
  });
  await again().ensureNodePorts([other], nodes);
  assert.deepEqual(ours(), { nodes: ['UDP 30053 from 198.51.100.0/24 (default/dns:node-ports)'] });
  await again().ensureNodePorts([], []);
  assert.deepEqual(everything(), before);
  assert.equal(
    cloud.requests.some(({ status = 0 }) => status >= 400),
    false,
  );
});

test('where the rules of nodes are the administrator’s, bare node ports are not opened, and those that were are closed', async () => {
  const { security, again, nodes, ours } = securityWorld();
  const rule = { owner: 'default/web', family: 'IPv4', protocol: 'TCP', port: 30080, sources: ['0.0.0.0/0'] } as const;
  await security.ensureNodePorts([rule], nodes);
  assert.deepEqual(await again({ managesNodes: false }).ensureNodePorts([rule], nodes), []);
  assert.deepEqual(ours(), {});
});

test('node ports that do not fit, or cannot be let through, are told of their Services', async () => {
  const { cloud, security, nodes } = securityWorld({ nodes: ['n1'] });
  const rules = Array.from({ length: 199 }, (_, index) => ({
    owner: `default/s${index}`,
    family: 'IPv4' as const,
    protocol: 'TCP' as const,
    port: 30000 + index,
    sources: ['0.0.0.0/0'],
  }));
  const sctp = {
    owner: 'default/sctp',
    family: 'IPv4',
    protocol: 'SCTP',
    port: 31000,
    sources: ['0.0.0.0/0'],
  } as const;
  const problems = await security.ensureNodePorts([...rules, sctp], nodes);
  // Three rules were there before.
  assert.deepEqual(
    problems.map(({ owner, reason }) => [owner, reason]),
    [
      ['default/s197', 'SecurityListFull'],
      ['default/s198', 'SecurityListFull'],
      ['default/sctp', 'UnsupportedProtocol'],
    ],
  );
  assert.match(problems[0]?.why ?? '', /nodes security list/);
  const strangers = await security.ensureNodePorts(rules.slice(0, 1), [nodeAt('stranger', '203.0.113.9')]);
  assert.equal(strangers[0]?.reason, 'NodeNotFound');
  assert.ok(cloud.requests.length > 0);
});

test('a node port of SCTP is told, and nothing is let through in its stead', async () => {
  const { security, nodes, ours } = securityWorld();
  const rule = { owner: 'default/s', family: 'IPv4', protocol: 'SCTP', port: 31000, sources: ['0.0.0.0/0'] } as const;
  const problems = await security.ensureNodePorts([rule], nodes);
  assert.deepEqual(
    problems.map(({ reason }) => reason),
    ['UnsupportedProtocol'],
  );
  assert.deepEqual(ours(), {});
});

test('of what one Service asks in quick succession the last counts', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  const wish = (nodePort: number) =>
    asked('web', { cloud, mode: 'All', ports: [{ protocol: 'TCP', port: nodePort - 30_000, nodePort }] });
  await security.ensure(wish(30_001), nodes);
  await Promise.all([30_002, 30_003].map((port) => security.ensure(wish(port), nodes)));
  assert.deepEqual(ours()['nodes'], [
    'TCP 10256 from 10.0.16.0/20 (default/web)',
    'TCP 30003 from 10.0.16.0/20 (default/web)',
  ]);
});

test('the load balancer of a Service and the node ports that it has afterwards do not close each other', async () => {
  const { cloud, security, nodes, ours } = securityWorld();
  await security.ensure(asked('web', { cloud, preservesSource: true }), nodes);
  const rule = { owner: 'default/web', family: 'IPv4', protocol: 'TCP', port: 30080, sources: ['0.0.0.0/0'] } as const;
  await security.ensureNodePorts([rule], nodes);
  await security.remove(asked('web', { cloud }).service);
  assert.deepEqual(ours(), { nodes: ['TCP 30080 from 0.0.0.0/0 (default/web:node-ports)'] });
});

test('a subnet of nodes without IPv6 is given no rules of IPv6', async () => {
  const { cloud, security, ours } = securityWorld();
  const { vcnId } = cloud.world;
  const subnet = addSubnet(cloud.state, { vcnId, name: 'old', cidrBlock: '10.0.64.0/20' });
  const { privateIp } = cloud.addNode({ name: 'n3', subnetId: subnet.id });
  await security.ensure(asked('web', { cloud, families: ['IPv4', 'IPv6'], preservesSource: true }), [
    nodeAt('n3', privateIp),
  ]);
  assert.deepEqual(ours()['old'], [
    'TCP 10256 from 10.0.16.0/20 (default/web)',
    'TCP 30080 from 0.0.0.0/0 (default/web)',
    'TCP 30080 from 10.0.16.0/20 (default/web)',
  ]);
});
