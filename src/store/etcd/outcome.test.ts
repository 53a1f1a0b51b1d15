import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { value } from '../contract/tools.ts';
import type { Entry, Operation, StoreEvent } from '../store.ts';
import { fenceOf, outcomeOf } from './outcome.ts';

const entry = (key: string, text: string, modified: number): Entry => ({
  key,
  value: Buffer.from(text),
  created: modified,
  modified,
});
const wrote = (key: string, text: string): StoreEvent => ({
  kind: 'put',
  entry: entry(key, text, 9),
  previous: undefined,
});
const deleted = (key: string): StoreEvent => ({ kind: 'delete', key, previous: entry(key, '', 3), revision: 9 });
const remove = (key: string): Operation => ({ kind: 'delete', key });

describe('the outcome of a transaction without an answer', () => {
  test('can be told only with a compare that it makes wrong itself', () => {
    const at = (key: string, modified: number) => ({ key, modified });
    assert.deepEqual(fenceOf([at('b', 4), at('a', 3)], [value('a', '1')]), at('a', 3));
    assert.deepEqual(fenceOf([at('a', 0)], [value('a', '1')]), at('a', 0));
    assert.deepEqual(fenceOf([at('a', 3)], [remove('a')]), at('a', 3));
    // Deleting what is not there leaves it as it was.
    assert.equal(fenceOf([at('a', 0)], [remove('a')]), undefined);
    assert.equal(fenceOf([at('b', 4)], [value('a', '1')]), undefined);
    assert.equal(fenceOf([], [value('a', '1')]), undefined);
  });

  const made = { kind: 'made', revision: 9 };
  const notMade = { kind: 'not made' };
  const unknown = { kind: 'unknown' };
  const cases: readonly [string, readonly StoreEvent[], readonly Operation[], number, object | undefined][] = [
    ['the same bytes', [wrote('a', '1')], [value('a', '1')], 3, made],
    ['the same bytes, created', [wrote('a', '1')], [value('a', '1')], 0, made],
    ['other bytes', [wrote('a', '2')], [value('a', '1')], 3, notMade],
    ['other bytes, created: it may go again', [wrote('a', '2')], [value('a', '1')], 0, unknown],
    ['deleted instead', [deleted('a')], [value('a', '1')], 3, notMade],
    ['deleted', [deleted('a')], [remove('a')], 3, made],
    ['all operations', [wrote('a', '1'), deleted('b')], [value('a', '1'), remove('b')], 3, made],
    ['one that there was nothing to do for', [wrote('a', '1')], [value('a', '1'), remove('b')], 3, made],
    ['not all operations', [wrote('a', '1')], [value('a', '1'), value('b', '1')], 3, notMade],
    ['more than the operations', [wrote('a', '1'), wrote('c', '1')], [value('a', '1')], 3, notMade],
    ['another key', [wrote('c', '1')], [value('a', '1')], 3, undefined],
  ];
  for (const [what, events, operations, modified, expected] of cases) {
    test(`follows from the first change of the key: ${what}`, () => {
      assert.deepEqual(outcomeOf({ revision: 9, events }, { key: 'a', modified }, operations), expected);
    });
  }
});
