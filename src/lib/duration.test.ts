import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, minutes, printDuration, seconds } from './duration.ts';

const cases: readonly (readonly [number, string])[] = [
  [milliseconds(850), '850ms'],
  [seconds(4.24), '4.2s'],
  [seconds(75), '75s'],
  [seconds(190), '3m10s'],
  [minutes(5), '5m'],
  [minutes(90), '90m'],
  [minutes(302), '5h2m'],
  [minutes(60 * 30), '30h'],
  [minutes(60 * 24 * 12), '12d'],
];
for (const [duration, text] of cases) {
  test(`${duration} ms is printed as ${text}`, () => assert.equal(printDuration(duration), text));
}
