import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes } from '../../../lib/duration.ts';
import { Waits } from './waits.ts';

test('looks at what is well are spread over a quarter of the time between two', () => {
  const after = (random: number) => new Waits({ sweep: minutes(4), random: () => random }).succeeded('a');
  assert.deepEqual([0, 0.5, 1].map(after), [240_000, 210_000, 180_000]);
});

test('a provider is left alone for as long as it asks, but for no longer than five minutes', () => {
  const waits = new Waits({ sweep: minutes(5), random: () => 0 });
  const asked = (retryAfter: unknown) => Object.assign(new Error('too many requests'), { retryAfter });
  assert.equal(waits.failed('a', asked(30_000), 0), 30_000);
  assert.equal(waits.rest('a', 10_000), 20_000);
  assert.equal(waits.failed('b', asked(86_400_000), 0), 300_000);
  for (const [key, nonsense] of Object.entries({ c: Number.NaN, d: -1, e: '60000', f: undefined })) {
    assert.equal(waits.failed(key, asked(nonsense), 0), 5000, key);
  }
  assert.equal(waits.rest('nothing', 0), 0);
});
