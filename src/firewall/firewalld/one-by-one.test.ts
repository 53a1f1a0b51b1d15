import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneByOne } from './one-by-one.ts';

test('what is asked for while it is done is done once more, and never twice at a time', async () => {
  const ends: (() => void)[] = [];
  const ask = oneByOne(() => new Promise((resolve) => ends.push(resolve)));
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 3; i++) ask();
  assert.equal(ends.length, 1);
  ends[0]?.();
  await settled();
  assert.equal(ends.length, 2, 'for the calls that came meanwhile');
  ends[1]?.();
  await settled();
  assert.equal(ends.length, 2);
  ask();
  assert.equal(ends.length, 3);
});
