import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { paced } from './paced.ts';

/** Keeps the processor busy. */
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

test('long work lets others have their turn, and short work does not wait', async () => {
  const pace = paced();
  assert.equal(pace(), undefined);
  work(20);
  const rest = pace();
  assert.ok(rest);
  await rest;
  assert.equal(pace(), undefined);
});

test('pieces of work that share a pace take no longer together than one', async () => {
  const pace = paced();
  let turns = 0;
  const end = new AbortController();
  const watch = async () => {
    for (; !end.signal.aborted; turns++) {
      await setImmediate();
    }
  };
  const piece = async () => {
    for (let i = 0; i < 20; i++) {
      work(2);
      await pace();
    }
  };
  const watching = watch();
  await Promise.all(Array.from({ length: 8 }, piece));
  end.abort();
  await watching;
  // 320 ms of work in slices of about 8; alone by themselves, the eight would have rested together only every 64.
  assert.ok(turns >= 15, `${turns} turns`);
});
