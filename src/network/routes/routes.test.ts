import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import { desiredRoutes } from './desired.ts';
import { diffRoutes } from './diff.ts';

function node(podCIDRs: readonly string[], addresses: readonly string[]): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
    spec: { podCIDRs },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

test('the pods of a node are reached through its address of the same family', () => {
  const routes = desiredRoutes(node(['10.244.2.0/24', 'fd00:10:244:2::/64'], ['fd00::2', '192.168.1.2']));
  assert.deepEqual(routes, [
    { destination: '10.244.2.0/24', via: '192.168.1.2' },
    { destination: 'fd00:10:244:2::/64', via: 'fd00::2' },
  ]);
});

test('a prefix whose family the node has no address of gets no route, nor does text that is no prefix', () => {
  assert.deepEqual(desiredRoutes(node(['fd00:10:244:2::/64', 'nonsense'], ['192.168.1.2'])), []);
});

test('only what changed is changed, deletions first', () => {
  const a = { destination: '10.244.1.0/24', via: '192.168.1.1' };
  const b = { destination: '10.244.2.0/24', via: '192.168.1.2' };
  const moved = { ...b, via: '192.168.1.9' };
  assert.deepEqual(diffRoutes([a, b], [a, b]), []);
  assert.deepEqual(diffRoutes([a, b], [moved]), [
    { kind: 'delete', route: a },
    { kind: 'replace', route: moved },
  ]);
});
