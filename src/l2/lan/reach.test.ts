import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeLinks } from '../../host/link-watch-fake.ts';
import { reachOf } from './reach.ts';

const machine = new FakeLinks();
machine.set('eth1', { addresses: ['192.0.2.1', 'fe80::1'] });
machine.set('eth0', { addresses: ['2001:db8::1'], up: false });
machine.set('kube-ipvs0', { addresses: ['192.0.2.10'], resolves: false });
const links = [...machine.links.values()];

test('announcements go where the node’s InternalIPs are, whether or not those interfaces are up', () => {
  assert.deepEqual(reachOf(links, ['192.0.2.1', '2001:db8::1'], undefined).defaults, ['eth0', 'eth1']);
  assert.deepEqual(reachOf(links, ['192.0.2.9'], undefined).defaults, []);
});

test('where interfaces are given, they are all there may be', () => {
  const { defaults, allowed } = reachOf(links, ['192.0.2.1'], ['eth7']);
  assert.deepEqual([defaults, allowed], [['eth7'], ['eth7']]);
});

test('the machine’s own addresses are those that its kernel answers for', () => {
  assert.deepEqual(reachOf(links, [], undefined).own, ['192.0.2.1', '2001:db8::1', 'fe80::1']);
});
