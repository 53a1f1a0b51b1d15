import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { afterLimit } from './limit.ts';

/** Nothing of this process runs for so many milliseconds. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('a limit is over when the time is, and not before', async () => {
  const begun = performance.now();
  await new Promise<void>((over) => afterLimit(50, over));
  assert.ok(performance.now() - begun >= 45);
});

test('time in which the process stood still is not held against whoever was to answer', async () => {
  let isOver = false;
  const cancel = afterLimit(400, () => {
    isOver = true;
  });
  stall(1000);
  // Timers that are due, what has arrived, immediates: in this order.
  await turn();
  await turn();
  assert.equal(isOver, false);
  cancel();
});

test('a limit that was taken back is never over', async () => {
  let isOver = false;
  afterLimit(10, () => {
    isOver = true;
  })();
  await new Promise<void>((over) => afterLimit(30, over));
  assert.equal(isOver, false);
});
