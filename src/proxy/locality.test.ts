import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IPFamily, mustParseCIDR, mustParseIP, printIP } from '../lib/ip.ts';
import { isInterfaceName, localitiesOf, nodePortAddresses } from './locality.ts';

const own = () => ['127.0.0.1', '192.168.1.5', '10.0.0.5', '::1', 'fe80::5', 'fd00::5'].map(mustParseIP);
const primary = [mustParseIP('192.168.1.5')];

function served(within: readonly string[], localhost = false): readonly string[] {
  return nodePortAddresses({ within: within.map(mustParseCIDR), primary, own, localhost }).map(printIP);
}

test('node ports are served at the primary addresses, unless prefixes say where', () => {
  assert.deepEqual(served([]), ['192.168.1.5']);
  assert.deepEqual(served(['10.0.0.0/8', 'fd00::/8']), ['10.0.0.5', 'fd00::5']);
  assert.deepEqual(served(['172.16.0.0/12']), []);
});

test('node ports are served on localhost when that is asked, and not because a prefix has it', () => {
  assert.deepEqual(served(['0.0.0.0/0', '::/0']), ['192.168.1.5', '10.0.0.5', 'fe80::5', 'fd00::5']);
  assert.deepEqual(served([], true), ['192.168.1.5', '127.0.0.1']);
});

test('an IPv6 node port is never served on localhost', () => {
  const localities = localitiesOf({ podCIDRs: [], clusterCIDRs: [], localhostNodePorts: true });
  assert.equal(localities.get('IPv4')?.localhostNodePorts, true);
  assert.equal(localities.get('IPv6')?.localhostNodePorts, false);
});

test('pods known by their interface are so in every family that is served', () => {
  const localPods = { kind: 'bridge', name: 'br0' } as const;
  const localities = localitiesOf({ podCIDRs: [], clusterCIDRs: [mustParseCIDR('10.0.0.0/8')], localPods });
  assert.deepEqual([...localities.keys()], ['IPv4']);
  assert.deepEqual(localities.get('IPv4')?.localPods, localPods);
});

test('the families of prefixes are served, and those that are named; with neither, both', () => {
  const families = (cidrs: readonly string[], alsoServed: readonly IPFamily[]) => [
    ...localitiesOf({ podCIDRs: cidrs.map(mustParseCIDR), clusterCIDRs: [], alsoServed }).keys(),
  ];
  assert.deepEqual(families(['10.244.1.0/24'], []), ['IPv4']);
  assert.deepEqual(families(['10.244.1.0/24'], ['IPv4', 'IPv6']), ['IPv4', 'IPv6']);
  assert.deepEqual(families([], ['IPv6']), ['IPv6']);
  assert.deepEqual(families([], []), ['IPv4', 'IPv6']);
});

test('what the kernel takes for the name of an interface is one, and no pattern is', () => {
  for (const name of ['postern0', 'eth0.5', 'a'.repeat(15)]) assert(isInterfaceName(name), name);
  for (const name of ['', 'a'.repeat(16), 'a b', 'a/b', 'veth*', 'a"b', '..']) assert(!isInterfaceName(name), name);
});
