import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, randomBigIntBelow, seededRandom } from './random.ts';

test('gives the same numbers for the same seed and others for another', () => {
  const numbers = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
  assert.deepEqual(numbers(7), numbers(7));
  assert.notDeepEqual(numbers(7), numbers(8));
});

test('reaches every number below the count and none beyond', () => {
  const random = seededRandom(1);
  const small = new Set(Array.from({ length: 1000 }, () => randomBelow(random, 7)));
  const big = new Set(Array.from({ length: 1000 }, () => randomBigIntBelow(random, 7n)));
  assert.deepEqual([...small].sort(), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...big].sort(), [0n, 1n, 2n, 3n, 4n, 5n, 6n]);
});

test('spreads over counts far beyond what a number holds', () => {
  const random = seededRandom(2);
  const count = 1n << 108n;
  const halves = Array.from({ length: 1000 }, () => randomBigIntBelow(random, count) >> 107n);
  const upper = halves.filter((half) => half === 1n).length;
  assert.ok(upper > 400 && upper < 600, `${upper} of 1000 in the upper half`);
});
