import assert from 'node:assert/strict';
import { test } from 'node:test';
import { electAnnouncer } from './election.ts';

const nodes = Array.from({ length: 8 }, (_, i) => `node${i}`);
const addresses = Array.from({ length: 400 }, (_, i) => `192.0.2.${i}`);

test('nobody is elected when nobody may announce', () => {
  assert.equal(electAnnouncer('192.0.2.1', []), undefined);
});

test('every node elects the same one, in whatever order it sees them', () => {
  for (const address of addresses) {
    assert.equal(electAnnouncer(address, nodes.toReversed()), electAnnouncer(address, nodes));
  }
});

test('a node that leaves moves its own addresses and no other', () => {
  const without = nodes.filter((name) => name !== 'node3');
  for (const address of addresses) {
    const before = electAnnouncer(address, nodes);
    if (before !== 'node3') assert.equal(electAnnouncer(address, without), before);
  }
});

test('addresses are spread over all nodes', () => {
  const counts = Map.groupBy(addresses, (address) => electAnnouncer(address, nodes));
  for (const name of nodes) {
    const share = counts.get(name)?.length ?? 0;
    assert.ok(share > 20 && share < 90, `${name} has ${share} of ${addresses.length}`);
  }
});
