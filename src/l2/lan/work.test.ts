import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Work } from './work.ts';

test('each key is done once however often it comes up, in order, also when it comes up meanwhile', () => {
  const done: string[] = [];
  const work: Work = new Work((key) => {
    done.push(key);
    if (key === 'a') work.add(['c', 'b', 'd']);
  });
  work.add(['a', 'b', 'a']);
  assert.deepEqual([done, work.isDone], [[], false]);
  work.start(new AbortController().signal);
  assert.deepEqual([done, work.isDone], [['a', 'b', 'c', 'd'], true]);
});

test('a key that comes up while it is being done is done again', () => {
  let times = 0;
  const work: Work = new Work((key) => {
    if (++times < 3) work.add([key]);
  });
  work.start(new AbortController().signal);
  work.add(['a']);
  assert.equal(times, 3);
});

test('much work leaves the event loop its turns, and ends with the signal', async () => {
  const ended = new AbortController();
  let done = 0;
  const work = new Work(() => {
    const until = performance.now() + 3;
    while (performance.now() < until);
    done++;
  });
  work.start(ended.signal);
  work.add(Array.from({ length: 100 }, (_, i) => String(i)));
  assert.ok(done > 0 && done < 100, `${done} in the first turn`);
  await new Promise(setImmediate);
  ended.abort();
  await new Promise(setImmediate);
  const then = done;
  await new Promise(setImmediate);
  assert.equal(done, then);
});
