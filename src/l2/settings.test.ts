import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../lib/duration.ts';
import { DEFAULT_HEARTBEATS, mistakeIn } from './settings.ts';

const settings = (interval: number, timeout: number, port = 7952) => ({
  ...{ interval: milliseconds(interval), timeout: milliseconds(timeout), port },
});

test('the defaults are allowed, and so is no heartbeat at all', () => {
  assert.equal(mistakeIn(DEFAULT_HEARTBEATS), undefined);
  assert.equal(mistakeIn(settings(0, 300)), undefined);
});

for (const [why, wrong, says] of [
  ['an interval that would keep a core busy', settings(1, 300), /interval 1 ms: it is 10 ms to 10000 ms, or 0/],
  ['an interval of minutes', settings(60_000, 300), /interval 60000 ms/],
  ['a timeout that one lost packet reaches', settings(50, 100), /timeout 100 ms: .* interval of 50 ms it is 150 ms to/],
  ['a timeout shorter than a scheduler may take', settings(10, 30), /timeout 30 ms: .* it is 50 ms to/],
  ['a timeout of minutes', settings(50, 120_000), /timeout 120000 ms/],
  ['a port that is none', settings(50, 300, 0), /port 0: it is a UDP port from 1 to 65535/],
] as const) {
  test(`${why} is refused with what is allowed`, () => assert.match(mistakeIn(wrong) ?? '', says));
}
