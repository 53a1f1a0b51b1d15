import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lotOf } from './lots.ts';
import { type Peer, peerOf, trierOf } from './peers.ts';
import { tryingNode } from './testing.ts';

const peersOf = (...names: readonly string[]): readonly Peer[] =>
  names.flatMap((name, i) => peerOf(tryingNode(name, [`192.0.2.${i + 1}`])) ?? []);
const turns = (peers: readonly Peer[], owners = 200): readonly string[] =>
  peers.flatMap((target) =>
    Array.from({ length: owners }, (_, i) => `${target.name} ${i}: ${trierOf(target, lotOf(`n/${i}`), peers)?.name}`),
  );

test('only nodes that are ready, have an address, and say that they try are tried', () => {
  const node = tryingNode('a', ['192.0.2.1'], { edge: '' });
  assert.deepEqual(peerOf(node), { name: 'a', addresses: ['192.0.2.1'], labels: { edge: '' }, lot: lotOf('a') });
  assert.equal(peerOf({ ...node, metadata: { ...node.metadata, annotations: {} } }), undefined);
  assert.equal(
    peerOf({ ...node, metadata: { ...node.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    undefined,
  );
  assert.equal(peerOf({ ...node, status: { ...node.status, conditions: [] } }), undefined);
  assert.equal(peerOf(tryingNode('b', [])), undefined);
});

test('whoever works it out, in whatever order it knows of nodes, finds the same, and never the node itself', () => {
  const peers = peersOf('a', 'b', 'c', 'd');
  assert.deepEqual(turns(peers).toSorted(), turns([...peers].reverse()).toSorted());
  for (const turn of turns(peers)) assert.doesNotMatch(turn, /^(\S+) .*: \1$/);
  const [alone] = peersOf('a');
  assert.equal(alone && trierOf(alone, lotOf('n/web'), [alone]), undefined);
});

test('turns are spread evenly, and a node that goes leaves those of others as they were', () => {
  const peers = peersOf('a', 'b', 'c', 'd');
  const before = turns(peers);
  for (const { name } of peers) {
    const count = before.filter((turn) => turn.endsWith(`: ${name}`)).length;
    assert(count > 130 && count < 270, `${name} has ${count} of 800`);
  }
  const after = new Set(turns(peers.filter(({ name }) => name !== 'd')));
  for (const turn of before) if (!turn.startsWith('d') && !turn.endsWith('d')) assert(after.has(turn), turn);
});
