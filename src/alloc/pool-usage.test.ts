import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processorTime } from '../../test/support/processor-time.ts';
import { type AddressRange, addressesOf, parseAddressRange } from '../lib/address-range.ts';
import { addIP, type IPAddress, mustParseIP, printIP } from '../lib/ip.ts';
import { testSeed } from '../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../lib/random.ts';
import { PoolUsage } from './pool-usage.ts';

const range = (text: string): AddressRange => {
  const parsed = parseAddressRange(text);
  assert.ok(parsed, text);
  return parsed;
};
const pool = (texts: readonly string[], avoidBuggyIPs = false) => ({ ranges: texts.map(range), avoidBuggyIPs });

/** Takes every address of IPv4, in the order in which they are given. */
function takeAll(usage: PoolUsage): string[] {
  const order: string[] = [];
  for (let ip = usage.firstFree('IPv4'); ip !== undefined; ip = usage.firstFree('IPv4')) {
    usage.take(ip);
    order.push(printIP(ip));
  }
  return order;
}

test('gives the lowest free address of the first range that has one', () => {
  const usage = new PoolUsage(pool(['10.0.1.0/31', '10.0.0.0/30', '2001:db8::/64']));
  const all = ['10.0.1.0', '10.0.1.1', '10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3'];
  assert.deepEqual(takeAll(usage), all);
  assert.deepEqual(usage.firstFree('IPv6'), mustParseIP('2001:db8::'));
  for (const text of ['10.0.0.2', '10.0.1.1']) usage.release(mustParseIP(text));
  assert.deepEqual(takeAll(usage), ['10.0.1.1', '10.0.0.2']);
  assert.deepEqual(new PoolUsage(pool(['10.0.0.0/8'])).firstFree('IPv6'), undefined);
});

test('leaves out addresses that end in .0 and .255 when told so, in IPv4 only', () => {
  const given = pool(['10.0.0.254-10.0.1.1', '10.0.3.255/32', '2001:db8::/126'], true);
  assert.deepEqual(takeAll(new PoolUsage(given)), ['10.0.0.254', '10.0.1.1']);
  const usage = new PoolUsage(given);
  assert.deepEqual(usage.firstFree('IPv6'), mustParseIP('2001:db8::'));
  assert.deepEqual(usage.usage('IPv4'), { assigned: 0n, available: 2n });
  assert.deepEqual(usage.usage('IPv6'), { assigned: 0n, available: 4n });
  for (const [text, contained] of [
    ['10.0.0.254', true],
    ['10.0.0.255', false],
    ['10.0.1.0', false],
    ['10.0.1.2', false],
    ['2001:db8::', true],
  ] as const) {
    assert.equal(usage.orderOf(mustParseIP(text)) !== undefined, contained, text);
  }
});

test('counts pools too large to walk through', () => {
  const { available } = new PoolUsage(pool(['2001:db8::/32'])).usage('IPv6');
  assert.equal(available, 1n << 96n);
  assert.equal(new PoolUsage(pool(['0.0.0.0/0'], true)).usage('IPv4').available, (1n << 32n) - (1n << 25n));
});

test('counts what is given out once, and nothing that is not of the pool', () => {
  const usage = new PoolUsage(pool(['10.0.0.0/30', '2001:db8::/126']));
  for (const text of ['10.0.0.2', '10.0.0.2', '10.9.9.9', '2001:db8::1']) usage.take(mustParseIP(text));
  assert.deepEqual(usage.usage('IPv4'), { assigned: 1n, available: 3n });
  assert.deepEqual(usage.usage('IPv6'), { assigned: 1n, available: 3n });
  for (const text of ['10.0.0.2', '10.9.9.9']) usage.release(mustParseIP(text));
  assert.deepEqual(usage.usage('IPv4'), { assigned: 0n, available: 4n });
  assert.deepEqual(usage.families(), ['IPv4', 'IPv6']);
});

const seed = testSeed();
test(`agrees with counting one by one on random pools (POSTERN_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 100; round++) {
    let next = mustParseIP('10.0.0.0');
    const ranges = Array.from({ length: 1 + randomBelow(random, 4) }, () => {
      const first = addIP(next, randomBelow(random, 300));
      const last = addIP(first, randomBelow(random, 600));
      next = addIP(last, 1);
      return { first, last };
    }).sort(() => random() - 0.5);
    const given = { ranges, avoidBuggyIPs: random() < 0.5 };
    const isGiven = ({ value }: IPAddress) => !given.avoidBuggyIPs || (value % 256n !== 0n && value % 256n !== 255n);
    const all = ranges.flatMap((each) => [...addressesOf(each)]).filter(isGiven);
    const usage = new PoolUsage(given);
    const taken = new Set<IPAddress>(all.filter(() => random() < 0.97));
    for (const ip of taken) usage.take(ip);
    assert.deepEqual(
      usage.firstFree('IPv4'),
      all.find((ip) => !taken.has(ip)),
    );
    const assigned = BigInt(taken.size);
    assert.deepEqual(usage.usage('IPv4'), { assigned, available: BigInt(all.length) - assigned });
    all.forEach((ip, i) => {
      assert.equal(usage.orderOf(ip), BigInt(i));
    });
  }
});

test('finds the last address of a million, in ten thousand ranges, without looking at the others', () => {
  // 10,000 ranges of 128 addresses with gaps between them; those that end in .0 are avoided.
  const ranges = Array.from({ length: 10_000 }, (_, i) => {
    const first = addIP(mustParseIP('10.0.0.0'), i * 256);
    return { first, last: addIP(first, 127) };
  }).reverse();
  const usage = new PoolUsage({ ranges, avoidBuggyIPs: true });
  for (const each of ranges) for (const ip of addressesOf(each)) usage.take(ip);
  const last = mustParseIP('10.0.0.127');
  const rounds = 1000;
  const started = processorTime();
  for (let i = 0; i < rounds; i++) {
    usage.release(last);
    assert.deepEqual(usage.firstFree('IPv4'), last);
    usage.take(last);
  }
  const each = (processorTime() - started) / rounds;
  assert.equal(usage.firstFree('IPv4'), undefined);
  assert.ok(each < 0.5, `${each} ms`);
});
