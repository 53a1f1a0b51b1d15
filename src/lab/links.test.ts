import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkRules, withFaults, withoutFaults } from './links.ts';
import { topologyOf } from './topology.ts';

const topology = topologyOf({ nodes: 2, servers: 1, lans: 2, ipFamilies: ['IPv4', 'IPv6'] });
const rulesOf = (...faults: Parameters<typeof linkRules>[1][number][]): readonly string[] =>
  linkRules(topology, faults)
    .split('\n')
    .filter((line) => /drop/.test(line))
    .map((line) => line.trim());

test('frames between ports of one switch are lost at the switch', () => {
  assert.deepEqual(rulesOf({ from: 'node1', to: 'server1', loss: 10_000 }), ['iifname "node1" oifname "server1" drop']);
  assert.deepEqual(rulesOf({ from: 'node1', to: 'server1', loss: 500 }), [
    'iifname "node1" oifname "server1" numgen random mod 10000 < 500 drop',
  ]);
});

test('packets between LANs are lost at the router, in each family', () => {
  assert.deepEqual(rulesOf({ from: 'node2', to: 'node1', loss: 10_000 }), [
    'ip saddr 192.168.78.12 ip daddr 192.168.77.11 drop',
    'ip6 saddr fd00:78::c ip6 daddr fd00:77::b drop',
  ]);
});

test('what goes to the router, and comes from it, is lost too', () => {
  assert.deepEqual(rulesOf({ from: 'node1', to: 'lan', loss: 10_000 }, { from: 'lan', to: 'node1', loss: 10_000 }), [
    'iifname "node1" drop',
    'oifname "node1" drop',
  ]);
});

test('a later cut of one direction replaces an earlier one, and leaves the other', () => {
  const there = { from: 'a', to: 'b', loss: 10_000 };
  const back = { from: 'b', to: 'a', loss: 10_000 };
  const some = { ...there, loss: 500 };
  assert.deepEqual(withFaults(withFaults([], [there, back]), [some]), [some, back]);
  assert.deepEqual(withoutFaults([some, back], [there]), [back]);
});
