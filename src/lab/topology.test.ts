import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printIP } from '../lib/ip.ts';
import { lanCommands, placeCommands, placesOf, resolvConf, sysctlsOf, topologyOf } from './topology.ts';

const dual = topologyOf({ nodes: 2, ipFamilies: ['IPv6', 'IPv4'] });

test('every place has one address of each family, in the order of the families, and no two share one', () => {
  const texts = placesOf(dual).map(({ name, addresses }) => [name, ...addresses.map(printIP)]);
  assert.deepEqual(texts, [
    ['lan', 'fd00:77::1', '192.168.77.1'],
    ['node1', 'fd00:77::b', '192.168.77.11'],
    ['node2', 'fd00:77::c', '192.168.77.12'],
    ['client', 'fd00:77::2', '192.168.77.2'],
  ]);
});

test('the LAN has a cable to each other place, whose end is named by a process there', () => {
  const commands = lanCommands(dual, (place) => placesOf(dual).indexOf(place) + 100);
  assert.deepEqual(
    commands.filter((command) => command.includes('veth')),
    [
      'link add name node1 type veth peer name eth0 netns 101',
      'link add name node2 type veth peer name eth0 netns 102',
      'link add name client type veth peer name eth0 netns 103',
    ],
  );
});

test('a lab of one family knows nothing of the other', () => {
  const single = topologyOf({ nodes: 1, ipFamilies: ['IPv4'] });
  const [node] = single.nodes;
  assert.ok(node);
  const all = [...placeCommands(node), ...lanCommands(single, () => 1), ...sysctlsOf(node)];
  assert.deepEqual(
    all.filter((command) => /ipv6|::/.test(command)),
    [],
  );
});

test('a place is plugged in before its default routes are set', () => {
  const commands = placeCommands(dual.client);
  assert.equal(commands[1], 'link set dev eth0 up');
  assert.deepEqual(commands.slice(-2), ['route add ::/0 via fd00:77::1', 'route add 0.0.0.0/0 via 192.168.77.1']);
});

test('only the LAN forwards by itself: a node’s agent decides for its node', () => {
  const forwarding = (settings: readonly string[]) => settings.filter((setting) => setting.includes('forward'));
  assert.equal(forwarding(sysctlsOf(dual.lan)).length, 2);
  assert.equal(forwarding(sysctlsOf(dual.client)).length, 0);
});

test('a place outside the cluster gets a resolv.conf that names nobody', () => {
  assert.doesNotMatch(resolvConf([], 'cluster.local'), /^nameserver/m);
  assert.equal(
    resolvConf(['10.244.0.1', 'fd00::1'], 'cluster.local'),
    'nameserver 10.244.0.1\nnameserver fd00::1\nsearch svc.cluster.local cluster.local\n',
  );
});

test('servers have places of their own on the first LAN', () => {
  const { servers } = topologyOf({ nodes: 1, servers: 2, ipFamilies: ['IPv4', 'IPv6'] });
  assert.deepEqual(
    servers.map(({ name, kind, lan, addresses }) => [name, kind, lan.name, ...addresses.map(printIP)]),
    [
      ['server1', 'server', 'lan', '192.168.77.3', 'fd00:77::3'],
      ['server2', 'server', 'lan', '192.168.77.4', 'fd00:77::4'],
    ],
  );
});

test('with two LANs the later half of the nodes is on the second, with a router of its own', () => {
  const two = topologyOf({ nodes: 3, servers: 1, lans: 2, ipFamilies: ['IPv4'] });
  assert.deepEqual(
    placesOf(two).map(({ name, lan, addresses }) => [name, lan.name, ...addresses.map(printIP)]),
    [
      ['lan', 'lan', '192.168.77.1'],
      ['server1', 'lan', '192.168.77.3'],
      ['node1', 'lan', '192.168.77.11'],
      ['node2', 'lan', '192.168.77.12'],
      ['node3', 'lan2', '192.168.78.13'],
      ['client', 'lan', '192.168.77.2'],
    ],
  );
  const commands = lanCommands(two, () => 1);
  assert.ok(commands.includes('address add 192.168.78.1/24 dev lan2'));
  assert.ok(commands.includes('link set dev node3 master lan2 up'));
  assert.ok(two.nodes[2] && placeCommands(two.nodes[2]).includes('route add 0.0.0.0/0 via 192.168.78.1'));
});
