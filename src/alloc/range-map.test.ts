import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AddressRange, parseAddressRange } from '../lib/address-range.ts';
import { mustParseIP, printIP } from '../lib/ip.ts';
import { RangeMap } from './range-map.ts';

const range = (text: string): AddressRange => {
  const parsed = parseAddressRange(text);
  assert.ok(parsed, text);
  return parsed;
};
const print = ({ first, last }: AddressRange): string => `${printIP(first)}-${printIP(last)}`;

test('finds the range that an address is in, of either family', () => {
  const map = new RangeMap<string>();
  for (const text of ['10.0.0.8/30', '2001:db8::/64', '10.0.0.0/30']) map.add(range(text), text);
  const found = (ip: string) => map.find(mustParseIP(ip))?.value;
  assert.deepEqual(
    ['10.0.0.0', '10.0.0.3', '10.0.0.4', '10.0.0.11', '10.0.0.12', '2001:db8::9', '::a00:0'].map(found),
    ['10.0.0.0/30', '10.0.0.0/30', undefined, '10.0.0.8/30', undefined, '2001:db8::/64', undefined],
  );
});

test('adds only what no other range has', () => {
  const map = new RangeMap<string>();
  map.add(range('10.0.0.4-10.0.0.5'), 'a');
  map.add(range('10.0.0.8-10.0.0.9'), 'b');
  assert.deepEqual(map.overlapping(range('10.0.0.0-10.0.0.8')).map(print), ['10.0.0.4-10.0.0.5', '10.0.0.8-10.0.0.9']);
  assert.deepEqual(map.add(range('10.0.0.0-10.0.0.12'), 'c').map(print), [
    '10.0.0.0-10.0.0.3',
    '10.0.0.6-10.0.0.7',
    '10.0.0.10-10.0.0.12',
  ]);
  assert.deepEqual(map.add(range('10.0.0.2-10.0.0.11'), 'd'), []);
  const owner = (last: number) => map.find(mustParseIP(`10.0.0.${last}`))?.value;
  assert.deepEqual(Array.from({ length: 14 }, (_, i) => owner(i) ?? '-').join(''), 'ccccaaccbbccc-');
});
