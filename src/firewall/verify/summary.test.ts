import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BlockedPort, parseSummary, printSummary } from './summary.ts';

const blocked: BlockedPort = { owner: 'n/web', address: '192.0.2.1', port: 30_080, why: 'nothing answers' };
const at = Date.UTC(2026, 0, 2, 3, 4, 5);

test('what is written is read again', () => {
  const summary = new Map([
    ['a', { ports: [80, 443, 30_080], at, blocked: [blocked] }],
    ['b', { ports: [30_080], at, blocked: [] }],
  ]);
  assert.deepEqual(parseSummary(printSummary(summary)), summary);
});

test('however much is blocked, what is written stays short', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => ({ ...blocked, port: i, why: 'x'.repeat(5000) }));
  const text = printSummary(
    new Map([['a', { ports: Array.from({ length: 10_000 }, (_, i) => i), at, blocked: many }]]),
  );
  assert(text.length < 32_768, `${text.length} characters`);
});

test('what others wrote there is passed over', () => {
  for (const text of [
    '',
    'yes',
    '[]',
    '7',
    'null',
    '{"a":7}',
    '{"a":{"ports":"3","at":"now"}}',
    '{"a":{"ports":[1]}}',
  ]) {
    assert.equal(parseSummary(text).size, 0, text);
  }
  const half = `{"a":{"ports":[1,null,{}],"at":"2026-01-02T03:04:05Z","blocked":[7,{"owner":"n/web"},${JSON.stringify(blocked)}]}}`;
  assert.deepEqual(parseSummary(half).get('a')?.ports, [1]);
  assert.deepEqual(parseSummary(half).get('a')?.blocked, [blocked]);
});
