import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CIDR, cidrSize, mustParseCIDR, mustParseIP, printIP } from '../lib/ip.ts';
import { testSeed } from '../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../lib/random.ts';
import { chooseClusterIP, isUsableClusterIP } from './cluster-ip.ts';
import { chooseNodePort } from './node-port.ts';

const seed = testSeed();

/** Allocates until there is nothing left. */
function exhaust(range: CIDR, random = seededRandom(seed)): string[] {
  const taken = new Set<string>();
  for (;;) {
    const ip = chooseClusterIP(range, (ip) => taken.has(printIP(ip)), random);
    if (ip === undefined) return [...taken];
    assert.ok(!taken.has(printIP(ip)), `${printIP(ip)} has two owners`);
    assert.ok(isUsableClusterIP(range, ip));
    taken.add(printIP(ip));
  }
}

for (const [text, usable] of [
  ['10.96.0.0/24', 254],
  ['10.96.0.0/28', 14],
  ['10.96.0.0/30', 2],
  ['10.96.0.0/31', 0],
  ['10.96.0.0/32', 0],
  ['fd00::/120', 255],
  ['fd00::/127', 1],
  ['fd00::/128', 0],
] as const) {
  test(`gives out each of the ${usable} usable addresses of ${text} once (POSTERN_SEED=${seed})`, () => {
    assert.equal(exhaust(mustParseCIDR(text)).length, usable);
  });
}

test('keeps the lowest 16 addresses of a /24 for those who name them, as long as there are others', () => {
  const last = exhaust(mustParseCIDR('10.96.0.0/24')).slice(-16);
  const expected = Array.from({ length: 16 }, (_, i) => `10.96.0.${i + 1}`);
  assert.deepEqual(last.toSorted(), expected.toSorted());
});

for (const [text, lower] of [
  ['10.96.0.0/16', 256n],
  ['10.96.0.0/20', 256n],
  ['10.96.0.0/22', 64n],
  ['fd00::/108', 256n],
] as const) {
  test(`begins above the lowest ${lower} addresses of ${text}`, () => {
    const range = mustParseCIDR(text);
    const random = seededRandom(seed);
    for (let i = 0; i < 500; i++) {
      const ip = chooseClusterIP(range, () => false, random);
      assert.ok(ip !== undefined && ip.value - range.base.value > lower);
    }
    const first = chooseClusterIP(
      range,
      () => false,
      () => 0,
    );
    assert.equal(first && first.value - range.base.value, lower + 1n);
  });
}

test('finds the one free address wherever it is', () => {
  const range = mustParseCIDR('10.96.0.0/24');
  const random = seededRandom(seed);
  for (let i = 1n; i < cidrSize(range) - 1n; i++) {
    const free = range.base.value + i;
    assert.equal(chooseClusterIP(range, (ip) => ip.value !== free, random)?.value, free);
  }
});

test('asks only a little more often than addresses are taken, in however large a range', () => {
  const range = mustParseCIDR('fd00::/108');
  let asked = 0;
  // The worst case: all that is taken lies from the starting place on.
  const ip = chooseClusterIP(
    range,
    (ip) => ++asked > 0 && ip.value < range.base.value + 10_257n,
    () => 0,
  );
  assert.equal(ip && printIP(ip), printIP({ family: 'IPv6', value: range.base.value + 10_257n }));
  assert.equal(asked, 10_001);
});

test('takes no address of another family or outside the range for usable', () => {
  const range = mustParseCIDR('10.96.0.0/16');
  for (const [text, usable] of [
    ['10.96.0.0', false],
    ['10.96.0.1', true],
    ['10.96.255.254', true],
    ['10.96.255.255', false],
    ['10.97.0.1', false],
    ['::a60:1', false],
  ] as const) {
    assert.equal(isUsableClusterIP(range, mustParseIP(text)), usable, text);
  }
});

test(`gives out each node port once, the lowest 86 of 2768 last (POSTERN_SEED=${seed})`, () => {
  const range = { first: 30000, last: 32767 };
  const random = seededRandom(seed);
  const taken = new Set<number>();
  for (;;) {
    const port = chooseNodePort(range, (port) => taken.has(port), random);
    if (port === undefined) break;
    assert.ok(port >= 30000 && port <= 32767 && !taken.has(port));
    taken.add(port);
  }
  assert.equal(taken.size, 2768);
  assert.ok([...taken].slice(-86).every((port) => port < 30086));
});

test('finds a free node port exactly when there is one', () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 300; round++) {
    const range = { first: 30000, last: 30000 + randomBelow(random, 40) };
    const ports = Array.from({ length: range.last - range.first + 1 }, (_, i) => range.first + i);
    const free = new Set(ports.filter(() => random() < 0.05));
    const port = chooseNodePort(range, (port) => !free.has(port), random);
    assert.equal(port !== undefined, free.size > 0);
    assert.ok(port === undefined || free.has(port));
  }
});
