import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AddressRange, addressesOf, parseAddressRange } from '../lib/address-range.ts';
import { addIP, type IPAddress, mustParseIP, printIP } from '../lib/ip.ts';
import { testSeed } from '../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../lib/random.ts';
import { type AddressPool, firstFreeAddress, poolContains, poolSize, poolUsage } from './address-pool.ts';

const range = (text: string): AddressRange => {
  const parsed = parseAddressRange(text);
  assert.ok(parsed, text);
  return parsed;
};
const pool = (texts: readonly string[], avoidBuggyIPs = false): AddressPool => ({
  ranges: texts.map(range),
  avoidBuggyIPs,
});

test('gives the lowest free address of the first range that has one', () => {
  const given = pool(['10.0.1.0/31', '10.0.0.0/30', '2001:db8::/64']);
  const taken = new Set<string>();
  const order: string[] = [];
  for (;;) {
    const ip = firstFreeAddress(given, 'IPv4', (ip) => taken.has(printIP(ip)));
    if (ip === undefined) break;
    taken.add(printIP(ip));
    order.push(printIP(ip));
  }
  assert.deepEqual(order, ['10.0.1.0', '10.0.1.1', '10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3']);
  assert.deepEqual(
    firstFreeAddress(given, 'IPv6', () => false),
    mustParseIP('2001:db8::'),
  );
  assert.equal(
    firstFreeAddress(pool(['10.0.0.0/8']), 'IPv6', () => false),
    undefined,
  );
});

test('leaves out addresses that end in .0 and .255 when told so, in IPv4 only', () => {
  const given = pool(['10.0.0.254-10.0.1.1', '2001:db8::/126'], true);
  assert.deepEqual(
    ['10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1', '2001:db8::'].map((text) =>
      poolContains(given, mustParseIP(text)),
    ),
    [true, false, false, true, true],
  );
  assert.deepEqual(
    firstFreeAddress(given, 'IPv4', (ip) => printIP(ip) === '10.0.0.254'),
    mustParseIP('10.0.1.1'),
  );
  assert.equal(poolSize(given, 'IPv4'), 2n);
  assert.equal(poolSize(given, 'IPv6'), 4n);
});

test('counts pools too large to walk through', () => {
  assert.equal(poolSize(pool(['2001:db8::/32', '2001:db8::/64']), 'IPv6'), 1n << 96n);
  assert.equal(poolSize(pool(['0.0.0.0/0'], true), 'IPv4'), (1n << 32n) - (1n << 25n));
});

test('counts what a pool has given out and can still give', () => {
  const given = pool(['10.0.0.0/30', '2001:db8::/126'], true);
  const assigned = ['10.0.0.0', '10.0.0.2', '10.9.9.9', '2001:db8::1'].map(mustParseIP);
  // 10.0.0.0 is in use but would not be given out again.
  assert.deepEqual(poolUsage(given, 'IPv4', assigned), { assigned: 2n, available: 2n });
  assert.deepEqual(poolUsage(given, 'IPv6', assigned), { assigned: 1n, available: 3n });
});

const seed = testSeed();
test(`agrees with counting one by one on random pools (POSTERN_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 200; round++) {
    const ranges = Array.from({ length: 1 + randomBelow(random, 3) }, () => {
      const first = addIP(mustParseIP('10.0.0.0'), randomBelow(random, 1000));
      return { first, last: addIP(first, randomBelow(random, 600)) };
    });
    const given = { ranges, avoidBuggyIPs: random() < 0.5 };
    const all = new Map<bigint, IPAddress>();
    for (const each of ranges) for (const ip of addressesOf(each)) if (poolContains(given, ip)) all.set(ip.value, ip);
    assert.equal(poolSize(given, 'IPv4'), BigInt(all.size));
    const taken = new Set([...all.keys()].filter(() => random() < 0.97));
    const free = firstFreeAddress(given, 'IPv4', (ip) => taken.has(ip.value));
    assert.equal(free !== undefined, taken.size < all.size);
    assert.ok(free === undefined || (all.has(free.value) && !taken.has(free.value)));
    const assigned = [...taken].map((value): IPAddress => ({ family: 'IPv4', value }));
    assert.equal(poolUsage(given, 'IPv4', assigned).available, BigInt(all.size - taken.size));
  }
});
