import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Waiter, Waiters } from './waiters.ts';

const PREFIXES = [
  '',
  '/',
  '/r',
  '/r/',
  '/r/pods/',
  '/r/pods/a',
  '/r/pods/a/',
  '/r/pods/a/x',
  '/r/pod',
  '/r/services/',
  'q',
];
const KEYS = [
  '/r/pods/a/x',
  '/r/pods/a/xy',
  '/r/pods/ab',
  '/r/services/a',
  '/other',
  'q',
  'quite',
  '',
  '/',
  '/r/pods//x',
];

const waiting = (prefix: string): Waiter => ({ prefix, position: 0, wake: () => {} });

test('those are found whose prefix the key begins with, and no others', () => {
  const waiters = new Waiters();
  for (const prefix of PREFIXES) waiters.add(waiting(prefix));
  for (const key of KEYS) {
    const found = [...waiters.concernedBy(key)].map(({ prefix }) => prefix).sort();
    assert.deepEqual(found, PREFIXES.filter((prefix) => key.startsWith(prefix)).sort(), key);
  }
});

test('several wait for one prefix, and who has gone is not found any more', () => {
  const waiters = new Waiters();
  const [one, other] = [waiting('/r/a/'), waiting('/r/a/')];
  for (const waiter of [one, other]) waiters.add(waiter);
  assert.equal([...waiters.concernedBy('/r/a/x')].length, 2);
  waiters.delete(one);
  waiters.delete(one);
  assert.deepEqual([...waiters.concernedBy('/r/a/x')], [other]);
  waiters.delete(other);
  assert.deepEqual([...waiters.concernedBy('/r/a/x')], []);
  assert.deepEqual([...waiters.all()], []);
});
