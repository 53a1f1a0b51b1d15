import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  addIP,
  cidrContains,
  cidrSize,
  cidrsOverlap,
  compareIP,
  ipBytes,
  ipFromBytes,
  lastIP,
  mustParseCIDR,
  mustParseIP,
  parseCIDR,
  parseIP,
  printCIDR,
  printIP,
  widestCIDRs,
} from './ip.ts';

describe('parseIP and printIP', () => {
  const canonical: readonly (readonly [string, string])[] = [
    ['10.96.0.1', '10.96.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['fd00:10:96::a', 'fd00:10:96::a'],
    ['FD00:0010:0096:0000:0000:0000:0000:000A', 'fd00:10:96::a'],
    // RFC 5952 section 4.2.3: the longest run is shortened, the first of equals; 4.2.2: a single zero is not.
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ];
  for (const [text, printed] of canonical) {
    test(`${text} is printed as ${printed}`, () => assert.equal(printIP(mustParseIP(text)), printed));
  }

  const refused = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4/8',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1'.repeat(1000),
  ];
  for (const text of refused) {
    test(`${JSON.stringify(text.slice(0, 30))} is not an address`, () => assert.equal(parseIP(text), undefined));
  }

  test('any value survives printing and parsing, and bytes', () => {
    for (let i = 0; i < 2000; i++) {
      const family = i % 2 === 0 ? 'IPv4' : 'IPv6';
      const words = family === 'IPv4' ? 4 : 16;
      // Zero bytes are made common, so that runs of zeros are met.
      const bytes = Uint8Array.from({ length: words }, () =>
        Math.random() < 0.5 ? 0 : Math.floor(Math.random() * 256),
      );
      const ip = ipFromBytes(bytes);
      assert.ok(ip);
      assert.deepEqual(ipBytes(ip), bytes);
      assert.deepEqual(parseIP(printIP(ip)), ip, printIP(ip));
    }
  });
});

describe('prefixes', () => {
  test('host bits are cleared', () => assert.equal(printCIDR(mustParseCIDR('10.96.3.4/16')), '10.96.0.0/16'));

  for (const text of [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '/8',
    'fd00::/129',
    'x/8',
  ]) {
    test(`${text} is not a prefix`, () => assert.equal(parseCIDR(text), undefined));
  }

  test('a prefix has its size, its last address, and contains just its own', () => {
    const cidr = mustParseCIDR('10.96.0.0/30');
    assert.equal(cidrSize(cidr), 4n);
    assert.equal(printIP(lastIP(cidr)), '10.96.0.3');
    assert.ok(cidrContains(cidr, mustParseIP('10.96.0.3')));
    assert.ok(!cidrContains(cidr, mustParseIP('10.96.0.4')));
    assert.ok(!cidrContains(mustParseCIDR('::/0'), mustParseIP('0.0.0.0')), 'families do not mix');
  });

  test('overlap is seen whichever is the larger', () => {
    const [large, small, other] = ['10.0.0.0/8', '10.96.0.0/16', '11.0.0.0/8'].map(mustParseCIDR);
    assert.ok(large && small && other);
    assert.ok(cidrsOverlap(large, small) && cidrsOverlap(small, large));
    assert.ok(!cidrsOverlap(large, other));
  });
});

test('addresses order by family, then value', () => {
  const sorted = ['::1', '10.0.0.10', '10.0.0.9'].map(mustParseIP).sort(compareIP).map(printIP);
  assert.deepEqual(sorted, ['10.0.0.9', '10.0.0.10', '::1']);
  assert.equal(printIP(addIP(mustParseIP('10.0.0.255'), 1)), '10.0.1.0');
});

test('of prefixes the widest are kept, sorted, and none that lies within another', () => {
  const cidrs = ['10.1.0.0/16', '10.0.0.0/8', 'fd00::/64', '10.0.0.0/8', '9.9.9.9/32', 'fd00::/48'].map(mustParseCIDR);
  assert.deepEqual(widestCIDRs(cidrs).map(printCIDR), ['9.9.9.9/32', '10.0.0.0/8', 'fd00::/48']);
});
