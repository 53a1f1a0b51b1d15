import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalQuantity } from './canonical-quantity.ts';
import { parseQuantity } from './quantity.ts';

const CASES: readonly [given: string | number, written: string][] = [
  [1, '1'],
  ['1000m', '1'],
  ['0.5', '500m'],
  ['.5', '500m'],
  ['1.', '1'],
  ['1.5', '1500m'],
  ['1500m', '1500m'],
  ['100m', '100m'],
  ['1000', '1k'],
  [2_000_000, '2M'],
  ['1024Mi', '1Gi'],
  ['1536Mi', '1536Mi'],
  ['0.5Gi', '512Mi'],
  ['1.5Ki', '1536'],
  ['0.5Ki', '512'],
  ['1.1Ki', '1126400m'],
  ['128974848', '128974848'],
  ['1e3', '1e3'],
  ['12e6', '12e6'],
  ['129e6', '129e6'],
  ['1E', '1E'],
  ['0', '0'],
  ['0Mi', '0'],
  ['+5', '5'],
  ['-1', '-1'],
  ['0.1n', '1n'],
  ['100u', '100u'],
];

for (const [given, written] of CASES) {
  test(`${given} is written as ${written}, which means the same`, () => {
    assert.equal(canonicalQuantity(given), written);
    assert.equal(canonicalQuantity(written), written);
    if (given !== '0.1n') {
      const [before = Number.NaN, after = Number.NaN] = [parseQuantity(given), parseQuantity(written)];
      assert.ok(Math.abs(before - after) <= Math.abs(before) * 1e-12);
    }
  });
}

test('what is not a quantity stays as it came', () => {
  for (const text of ['', 'much', '1Q', '.', '1e400', '9'.repeat(100), '1 Gi'])
    assert.equal(canonicalQuantity(text), text);
});
