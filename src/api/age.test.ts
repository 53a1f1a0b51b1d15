import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printAge, printAgeSince } from './age.ts';

const s = 1000;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;
const AGES: readonly [ms: number, text: string][] = [
  [-5 * s, '<invalid>'],
  [-s, '0s'],
  [900, '0s'],
  [119 * s, '119s'],
  [2 * m, '2m'],
  [3 * m + 10 * s, '3m10s'],
  [12 * m + 40 * s, '12m'],
  [3 * h + 5 * m, '3h5m'],
  [20 * h, '20h'],
  [2 * d, '2d'],
  [3 * d + 4 * h, '3d4h'],
  [40 * d, '40d'],
  [730 * d + 30 * d, '2y30d'],
  [9 * 365 * d, '9y'],
];
for (const [ms, text] of AGES) {
  test(`${ms} ms are ${text}`, () => assert.equal(printAge(ms), text));
}

test('an age without a beginning is unknown', () => {
  assert.equal(printAgeSince(undefined, 0), '<unknown>');
  assert.equal(printAgeSince('nonsense', 0), '<unknown>');
  assert.equal(printAgeSince('1970-01-01T00:00:00Z', 5000), '5s');
});
