import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantity } from './quantity.ts';

const amounts: readonly (readonly [string | number, number])[] = [
  ['128Mi', 128 * 2 ** 20],
  ['1G', 1e9],
  ['250m', 0.25],
  ['1e3', 1000],
  ['1.5Ki', 1536],
  ['.5', 0.5],
  [2, 2],
];
for (const [quantity, amount] of amounts) {
  test(`${quantity} stands for ${amount}`, () => assert.equal(parseQuantity(quantity), amount));
}

for (const text of ['', 'Mi', '1MiB', '1 Mi', '1ee3', '--1', '128mi']) {
  test(`${JSON.stringify(text)} is not a quantity`, () => assert.equal(parseQuantity(text), undefined));
}
