import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AddressRange, overlapsOf, parseAddressRange, rangesOverlap, readAddressRange } from './address-range.ts';
import { addIP, mustParseIP, printIP } from './ip.ts';
import { randomBelow, seededRandom } from './random.ts';

const range = (text: string): AddressRange => {
  const parsed = parseAddressRange(text);
  assert.ok(parsed, text);
  return parsed;
};
const print = ({ first, last }: AddressRange): string => `${printIP(first)}-${printIP(last)}`;

test('reads ranges and CIDRs of both families', () => {
  for (const [text, expected] of [
    ['192.0.2.10-192.0.2.20', '192.0.2.10-192.0.2.20'],
    ['192.0.2.10 - 192.0.2.10', '192.0.2.10-192.0.2.10'],
    ['192.0.2.77/28', '192.0.2.64-192.0.2.79'],
    ['2001:db8::1-2001:db8::ff', '2001:db8::1-2001:db8::ff'],
    ['2001:db8::/126', '2001:db8::-2001:db8::3'],
  ] as const) {
    assert.equal(print(range(text)), expected);
  }
});

test('says what is wrong with a range and what to write', () => {
  for (const [text, problem] of [
    ['192.0.2.1', /write 192\.0\.2\.1\/32/],
    ['2001:db8::1', /write 2001:db8::1\/128/],
    ['', /must be a CIDR such as .* or a range such as/],
    ['192.0.2.0/33', /must be a CIDR such as .* or a range such as/],
    ['192.0.2.1-x', /invalid end IP "x"; must be a CIDR/],
    ['x-192.0.2.1', /invalid start IP "x"; must be a CIDR/],
    ['192.0.2.1-2-3', /must be a CIDR/],
    ['192.0.2.9-192.0.2.1', /start IP 192\.0\.2\.9 is after the end IP 192\.0\.2\.1/],
    ['192.0.2.1-2001:db8::1', /both must be of one family/],
  ] as const) {
    assert.equal(parseAddressRange(text), undefined);
    assert.match(String(readAddressRange(text)), problem);
  }
});

test('sees whether ranges share an address', () => {
  assert.equal(rangesOverlap(range('10.0.0.1-10.0.0.5'), range('10.0.0.5-10.0.0.9')), true);
  assert.equal(rangesOverlap(range('10.0.0.0/8'), range('10.1.0.0/16')), true);
  assert.equal(rangesOverlap(range('10.0.0.1-10.0.0.4'), range('10.0.0.5-10.0.0.9')), false);
  assert.equal(rangesOverlap(range('0.0.0.0/0'), range('::/0')), false);
});

test('whatever ranges there are, exactly those that share an address with another are in a pair', () => {
  const random = seededRandom(5);
  for (let round = 0; round < 300; round++) {
    const ranges = Array.from({ length: randomBelow(random, 12) }, () => {
      const base = mustParseIP(random() < 0.5 ? '192.0.2.0' : '2001:db8::');
      const first = addIP(base, randomBelow(random, 60));
      return { first, last: addIP(first, randomBelow(random, 8)) };
    });
    const pairs = overlapsOf(ranges);
    assert.ok(pairs.every(([a, b]) => a !== b && rangesOverlap(a, b)));
    const wanted = ranges.filter((a) => ranges.some((b) => a !== b && rangesOverlap(a, b)));
    assert.deepEqual(new Set(pairs.flat()), new Set(wanted), `round ${round}`);
  }
});
