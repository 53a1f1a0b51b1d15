import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../api/status.ts';
import { YAMLReader } from './yaml-reader.ts';

/** Large enough to be read in a thread. */
const LONG = Array.from({ length: 500 }, (_, i) => `key-${i}: {a: [1, b]}\n`).join('');

const codeOf = (read: Promise<unknown>) =>
  read.then(
    () => 200,
    (error) => (error instanceof ApiError ? error.code : String(error)),
  );

test('reads small and large texts alike, with the keys that stand twice and the lines of mistakes', async () => {
  const reader = new YAMLReader();
  for (const text of ['x: 1\n', LONG]) {
    const lines = text.split('\n').length;
    const { value, duplicates } = await reader.read(`${text}a: 1\na: 2\n__proto__: {polluted: true}\n`);
    assert.equal((value as { a: number }).a, 2);
    assert.equal((value as { polluted?: boolean }).polluted, undefined);
    assert.deepEqual(duplicates, [`line ${lines + 1}: key "a" already set in map`]);
    await assert.rejects(reader.read(`${text}\tb: 1\n`), new RegExp(`^ApiError: the body is not YAML: line ${lines}`));
  }
});

test('a text that takes too long is refused, and the next one is read', async () => {
  const reader = new YAMLReader({ timeLimit: 1 });
  await assert.rejects(reader.read(LONG), /RequestEntityTooLarge|too much time or memory; send it as JSON/);
  assert.equal(await codeOf(reader.read('a: 1')), 200);
});

test('reads one large text at a time, and turns away those who would wait for too many', async () => {
  const reader = new YAMLReader();
  const together = await Promise.all(Array.from({ length: 10 }, () => codeOf(reader.read(LONG))));
  assert.deepEqual(together, [...Array(8).fill(200), 429, 429]);
  assert.equal(await codeOf(reader.read(LONG)), 200);
});
