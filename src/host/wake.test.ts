import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './clock.ts';
import { Wake } from './wake.ts';

const never = new AbortController().signal;

test('a sleep ends after its time, or at once when it is woken', async () => {
  const clock = new FakeClock();
  const wake = new Wake();
  let ended = false;
  const sleeping = wake.sleep(clock, 1000, never).then(() => {
    ended = true;
  });
  await clock.advance(999);
  assert.equal(ended, false);
  wake.now();
  await sleeping;
});

test('a reason that comes while nobody sleeps is not lost, and counts once', async () => {
  const clock = new FakeClock();
  const wake = new Wake();
  wake.now();
  wake.now();
  await wake.sleep(clock, 1000, never);
  let ended = false;
  const sleeping = wake.sleep(clock, 1000, never).then(() => {
    ended = true;
  });
  await Promise.resolve();
  assert.equal(ended, false);
  await clock.advance(1000);
  await sleeping;
});

test('a sleep ends with the signal', async () => {
  const ending = new AbortController();
  const sleeping = new Wake().sleep(new FakeClock(), 1000, ending.signal);
  ending.abort();
  await sleeping;
});
