import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FirewallBackend } from './backend.ts';
import { type Candidate, chooseFirewall } from './choose.ts';
import { memoryFirewall } from './memory.ts';

const candidate = (name: FirewallBackend['name'], isInUse: boolean): Candidate => ({
  ...{ name, isInUse: async () => isInUse },
  open: async () => ({ ...memoryFirewall(), name }),
  remove: async () => {},
});

test('the first that is in use counts, as those that others are made by come first', async () => {
  const chosen = await chooseFirewall([
    candidate('firewalld', false),
    candidate('nftables', true),
    candidate('iptables', true),
  ]);
  assert.equal(chosen.name, 'nftables');
});

test('without any, everything is open, and nothing of ours is there', async () => {
  const none = await chooseFirewall([candidate('firewalld', false)]);
  assert.equal(none.name, 'none');
  assert.deepEqual(await none.current(), []);
});
