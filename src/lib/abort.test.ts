import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aborted, untilAborted } from './abort.ts';

const never = new Promise<void>(() => {});

test('a wait ends with its signal, also one that was aborted before', async () => {
  const end = new AbortController();
  const waiting = Promise.all([aborted(end.signal), untilAborted(never, end.signal)]);
  end.abort();
  await waiting;
  await Promise.all([aborted(end.signal), untilAborted(never, end.signal)]);
});

test('a wait ends with its work, and fails with it', async () => {
  const { signal } = new AbortController();
  await untilAborted(Promise.resolve(), signal);
  await assert.rejects(untilAborted(Promise.reject(new Error('no')), signal), /no/);
});
