import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffGroup } from './group-diff.ts';
import type { Claim } from './merge.ts';
import { type GroupRule, groupRule, type Rule } from './rules.ts';

const NOTHING = { add: [], update: [], remove: [], refused: [] };

const rule = (port: number, peer = '0.0.0.0/0'): Rule => ({ direction: 'ingress', peer, protocol: 'TCP', port });

/** A rule as the group has it. */
const there = (id: string, of: Rule, description: string, over: Partial<GroupRule> = {}): GroupRule => ({
  ...groupRule(of, description),
  id,
  isValid: true,
  ...over,
});

const claim = (owner: string, ...rules: readonly Rule[]): Claim => ({
  scope: { kind: 'service', owner },
  wanted: rules.map((one) => ({ owner, rule: one })),
});

test('a rule that is asked for twice is added once, with its owner once', () => {
  const { add } = diffGroup([], claim('c/a/web', rule(80), rule(80)));
  assert.deepEqual(add, [groupRule(rule(80), 'Postern: c/a/web')]);
});

test('rules of others stay, and stand in for ours', () => {
  const rules = [there('A', rule(80), 'theirs'), there('B', rule(81), '')];
  assert.deepEqual(diffGroup(rules, claim('c/a/web', rule(80))), NOTHING);
  assert.deepEqual(diffGroup(rules, claim('c/a/web')), NOTHING);
});

test('a rule that another Service has as well is named anew, not removed', () => {
  const shared = there('A', rule(80), 'Postern: c/a/one, c/a/two', { timeCreated: new Date(0) });
  const { update, ...rest } = diffGroup([shared], claim('c/a/one'));
  assert.deepEqual(update, [{ ...groupRule(rule(80), 'Postern: c/a/two'), id: 'A' }]);
  assert.deepEqual(rest, { add: [], remove: [], refused: [] });
  const more = diffGroup([there('A', rule(80), 'Postern: c/a/two')], claim('c/a/one', rule(80)));
  assert.deepEqual(more.update, [{ ...groupRule(rule(80), 'Postern: c/a/two, c/a/one'), id: 'A' }]);
});

test('a rule whose group of senders was deleted is replaced', () => {
  const group = 'ocid1.networksecuritygroup.oc1.xx.gone';
  const dead = there('A', rule(80, group), 'Postern: c/a/web', { isValid: false });
  const { add, remove } = diffGroup([dead], claim('c/a/web', rule(80, group)));
  assert.deepEqual([add.length, remove], [1, ['A']]);
});
