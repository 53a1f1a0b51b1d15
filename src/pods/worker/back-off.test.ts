import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type CrashBackOff, mayStartAt, restarted } from './back-off.ts';

it('a container that ends again and again waits twice as long each time, and at most five minutes', () => {
  const waits: number[] = [];
  let backOff: CrashBackOff | undefined;
  let now = 1_000_000;
  for (let i = 0; i < 8; i++) {
    const start = mayStartAt(backOff, now);
    waits.push((start - now) / 1000);
    backOff = restarted(backOff, now, start);
    now = start + 500;
  }
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
});

it('a container that ran for long enough begins anew', () => {
  const backOff = { delay: 300_000, at: 0 };
  assert.equal(mayStartAt(backOff, 600_000), 900_000);
  assert.equal(mayStartAt(backOff, 600_001), 600_001);
  assert.deepEqual(restarted(backOff, 600_001, 600_001), { delay: 10_000, at: 600_001 });
});
