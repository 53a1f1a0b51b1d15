import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.ts';

/** Work that ends when it is told to. */
function work(log: string[], name: string) {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const run = async () => {
    log.push(`${name} begins`);
    await ended;
    log.push(`${name} ends`);
  };
  return { run, end };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('work of one key is done in its order, that of others beside it, at most so much at once', async () => {
  const log: string[] = [];
  const turns = new Turns(2);
  const [a1, a2, b, c] = ['a1', 'a2', 'b', 'c'].map((name) => work(log, name));
  assert.ok(a1 && a2 && b && c);
  const all = [turns.run('a', a1.run), turns.run('a', a2.run), turns.run('b', b.run), turns.run('c', c.run)];
  await settled();
  assert.deepEqual(log.splice(0), ['a1 begins', 'b begins']);
  b.end();
  await settled();
  assert.deepEqual(log.splice(0), ['b ends', 'c begins']);
  a1.end();
  await settled();
  assert.deepEqual(log.splice(0), ['a1 ends', 'a2 begins']);
  for (const each of [a2, c]) each.end();
  await Promise.all(all);
});

test('work that fails does not keep the next of its key, or of others, from its turn', async () => {
  const turns = new Turns(1);
  const failing = turns.run('a', async () => {
    throw new Error('no');
  });
  const next = turns.run('a', async () => 'a');
  const other = turns.run('b', async () => 'b');
  await assert.rejects(failing, /no/);
  assert.deepEqual(await Promise.all([next, other]), ['a', 'b']);
});
