import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FirewallBackend } from './backend.ts';
import { type Candidate, chooseFirewall, isFiltering } from './choose.ts';
import { memoryFirewall } from './memory.ts';
import type { BaseChain, RuleTable } from './ruleset/model.ts';

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

test('tables filter when they drop by default, or have rules of others on the ways that matter', () => {
  const table = (base: Partial<BaseChain>, ...texts: readonly string[]): RuleTable => ({
    ...{ name: 'table ip filter', families: ['IPv4'] },
    bases: [{ chain: 'INPUT', hook: 'input', priority: 0, policy: 'accept', ...base }],
    chains: new Map([
      ['INPUT', { name: 'INPUT', rules: texts.map((text) => ({ terms: [], outcome: { kind: 'none' }, text })) }],
    ]),
  });
  assert.equal(isFiltering([]), false);
  assert.equal(isFiltering([table({})]), false);
  assert.equal(isFiltering([table({ policy: 'drop' })]), true);
  assert.equal(isFiltering([table({}, '-A INPUT -j POSTERN-SERVICES', '-A INPUT -j PST-FIREWALL')]), false);
  assert.equal(isFiltering([table({}, '-A INPUT -j POSTERN-SERVICES', '-A INPUT -j ufw-input')]), true);
  assert.equal(isFiltering([table({ hook: 'prerouting' }, '-A PREROUTING -j CT')]), false);
});
