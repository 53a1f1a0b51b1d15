import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IP_FAMILIES } from '../../lib/ip.ts';
import { parseTable } from '../nftables/parse-table.ts';
import { MAX_WAYS } from './layout.ts';
import { readingOf } from './reading.ts';

const TO = { family: 'IPv4', address: '192.168.50.1', protocol: 'tcp', port: 30_080 } as const;
const rules = (...lines: readonly string[]) => [
  parseTable(
    'table inet f',
    IP_FAMILIES,
    `table inet f {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n}\n`,
  ),
];
const LAN = rules('iifname "lan0" ip saddr 10.0.0.0/8 accept', 'ip saddr 192.0.2.0/24 accept');

test('rules that go by interfaces count for the ways that are told apart, and for nobody else', () => {
  const { ways, others } = readingOf(LAN, [['lan0'], ['postern0']]);
  assert.deepEqual(
    ways.map(({ sources }) => [...sources(TO)].sort()),
    [['10.0.0.0/8', '192.0.2.0/24'], ['192.0.2.0/24']],
  );
  assert.deepEqual(others(TO), ['192.0.2.0/24']);
});

test('where all interfaces are told apart, others are none of them', () => {
  const open = rules('iifname "lan0" drop', 'accept');
  assert.deepEqual(readingOf(open, [['lan0']]).others(TO), [], 'it may come by lan0');
  assert.deepEqual(readingOf(open, [['lan0']], { all: true }).others(TO), ['0.0.0.0/0']);
});

test('ways that are too many admit nobody', () => {
  const ways = Array.from({ length: MAX_WAYS + 1 }, (_, i) => [`lan${i}`]);
  assert.deepEqual(readingOf(rules('accept'), ways, { all: true }).others(TO), []);
});

test('the text is another when rules or interfaces are', () => {
  const { text } = readingOf(LAN, [['lan0']]);
  assert.equal(readingOf(LAN, [['lan0']]).text, text);
  assert.notEqual(readingOf(LAN, [['lan1']]).text, text);
  assert.notEqual(readingOf(rules('accept'), [['lan0']]).text, text);
});
