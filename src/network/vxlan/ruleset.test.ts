import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tunnel } from '../routes/desired.ts';
import { printVxlanChange, printVxlanRules } from './ruleset.ts';

const tunnel = (given: Partial<Tunnel> = {}): Tunnel => ({
  device: 'postern-vxlan',
  address: '192.0.2.2',
  mac: '02:00:00:00:00:02',
  neighbours: [],
  prefixes: ['10.244.2.0/24', 'fd00:10:244:2::/64'],
  ...given,
});

const IPV6 = '0xfd000010024400020000000000000000-0xfd00001002440002ffffffffffffffff';

test('a node is let in from its address, with what is of its pods', () => {
  assert.deepEqual(printVxlanChange(undefined, tunnel()).trim().split('\n'), [
    'add element inet postern-vxlan peers_4 { 192.0.2.2 }',
    'add element inet postern-vxlan sources_4in4 { 192.0.2.2 . 0x0af40200-0x0af402ff }',
    `add element inet postern-vxlan sources_6in4 { 192.0.2.2 . ${IPV6} }`,
  ]);
});

test('of a node that changed only what changed is', () => {
  assert.equal(printVxlanChange(tunnel(), tunnel()), '');
  assert.deepEqual(
    printVxlanChange(tunnel(), tunnel({ prefixes: ['10.244.2.0/24'] }))
      .trim()
      .split('\n'),
    [`delete element inet postern-vxlan sources_6in4 { 192.0.2.2 . ${IPV6} }`],
  );
  const moved = printVxlanChange(tunnel(), tunnel({ address: '2001:db8::2' }));
  assert.equal(moved.match(/^delete/gm)?.length, 3);
  assert.match(moved, /add element inet postern-vxlan sources_4in6 \{ 2001:db8::2 \. 0x0af40200-0x0af402ff \}/);
});

test('the number of rules is the same for any number of nodes', () => {
  const rules = (tunnels: readonly Tunnel[]) =>
    [...printVxlanRules(4789, tunnels)]
      .join('')
      .split('\n')
      .filter((line) => !line.startsWith('add')).length;
  assert.equal(rules([tunnel(), tunnel({ address: '192.0.2.3' })]), rules([]));
});
