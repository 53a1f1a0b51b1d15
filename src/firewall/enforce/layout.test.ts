import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../netfilter/model.ts';
import { GUARDED, GUARDED_FOR, guardLayout, ruleCounts, setsOf } from './layout.ts';

/** Interface and chain of each rule that leads somewhere by interface. */
const led = ({ matches, statement }: Rule): readonly string[] =>
  statement.kind === 'verdict' && statement.verdict.kind === 'goto'
    ? [...matches.flatMap((match) => (match.kind === 'through' ? [match.interface] : [])), statement.verdict.chain]
    : [];

test('each way has its sets and its chain, and so have all others', () => {
  assert.deepEqual(
    [...setsOf([['lan0'], ['postern0']]).keys()],
    [GUARDED, GUARDED_FOR, ...[0, 1, 2].flatMap((way) => [`admitted-${way}`, `admitted-from-${way}`])],
  );
  const { chains } = guardLayout('IPv6', 't', []);
  assert.deepEqual(
    [...ruleCounts(guardLayout('IPv4', 't', [])).values()],
    chains.map(({ rules }) => rules.length),
  );
});

test('a name comes before those that only begin like it, and all else last', () => {
  const { chains } = guardLayout('IPv4', 't', [['ppp*', 'lan0'], ['ppp7']]);
  const dispatch = chains.find(({ name }) => name.startsWith('by-way-'));
  assert.deepEqual(dispatch?.rules.map(led), [
    ['lan0', 'check-0'],
    ['ppp7', 'check-1'],
    ['ppp*', 'check-0'],
    ['check-2'],
  ]);
});

test('other interfaces are another table, by the names of its chains', () => {
  const names = (...ways: readonly (readonly string[])[]) => [...ruleCounts(guardLayout('IPv4', 't', ways)).keys()];
  assert.deepEqual(names(['lan0']), names(['lan0']));
  assert.notDeepEqual(names(['lan0']), names(['lan1']));
});
