import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rank, seedOf } from './election.ts';

const standing = (node: string, tier = 0, preference = 0) => ({ node, seed: seedOf(node), tier, preference });
const nodes = Array.from({ length: 8 }, (_, i) => standing(`node${i}`));
const addresses = Array.from({ length: 800 }, (_, i) =>
  i % 2 === 0 ? `192.0.2.${i / 2}` : `2001:db8::${i.toString(16)}`,
);
const order = (address: string, of = nodes) => rank(address, of).map(({ node }) => node);

test('every node finds the same order, in whatever order it sees them', () => {
  for (const address of addresses) assert.deepEqual(order(address, nodes.toReversed()), order(address));
});

test('a node that goes leaves the order of the others as it is', () => {
  const without = nodes.filter(({ node }) => node !== 'node3');
  for (const address of addresses) {
    assert.deepEqual(
      order(address, without),
      order(address).filter((node) => node !== 'node3'),
    );
  }
});

test('addresses are spread over all nodes, and those of one that goes over all that are left', () => {
  const first = Map.groupBy(addresses, (address) => order(address)[0]);
  for (const { node } of nodes) {
    const own = first.get(node) ?? [];
    assert.ok(own.length > 60 && own.length < 140, `${node} has ${own.length} of ${addresses.length}`);
    const heirs = new Set(own.map((address) => order(address)[1]));
    assert.ok(heirs.size >= 6, `those of ${node} go to ${heirs.size} nodes`);
  }
});

test('a lower tier comes first, then more preference', () => {
  const of = [standing('a', 1, 100), standing('b', 0, 1), standing('c', 0, 2), standing('d', 1, 0)];
  for (const address of addresses.slice(0, 50)) assert.deepEqual(order(address, of), ['c', 'b', 'a', 'd']);
});

test('nobody stands, nobody is ranked', () => assert.deepEqual(rank('192.0.2.1', []), []));
