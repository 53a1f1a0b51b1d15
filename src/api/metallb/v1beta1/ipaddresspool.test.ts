import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { IPAddressPool } from './ipaddresspool.ts';

const FORM = 'must be a CIDR such as 192.0.2.0/24 or 2001:db8::/112, or a range such as 192.0.2.10-192.0.2.20';
const CASES: readonly [addresses: readonly string[], mistakes: readonly string[]][] = [
  [['192.0.2.0/24', '198.51.100.10 - 198.51.100.20', '2001:db8::/112', '2001:db8:1::1-2001:db8:1::f'], []],
  [[], ['spec.addresses: Required value: a pool needs at least one CIDR or range']],
  [['192.0.2.0/33'], [`spec.addresses[0]: Invalid value: "192.0.2.0/33": ${FORM}`]],
  [
    ['192.0.2.300-192.0.2.301'],
    [`spec.addresses[0]: Invalid value: "192.0.2.300-192.0.2.301": invalid start IP "192.0.2.300"; ${FORM}`],
  ],
  [['192.0.2.1-x'], [`spec.addresses[0]: Invalid value: "192.0.2.1-x": invalid end IP "x"; ${FORM}`]],
  [
    ['192.0.2.9-192.0.2.1'],
    ['spec.addresses[0]: Invalid value: "192.0.2.9-192.0.2.1": start IP 192.0.2.9 is after the end IP 192.0.2.1'],
  ],
  [
    ['192.0.2.1-2001:db8::1'],
    [
      'spec.addresses[0]: Invalid value: "192.0.2.1-2001:db8::1": starts with an IPv4 and ends with an IPv6 address: both must be of one family',
    ],
  ],
  [['192.0.2.1'], ['spec.addresses[0]: Invalid value: "192.0.2.1": is a single address: write 192.0.2.1/32']],
  [
    ['192.0.2.0/24', '192.0.2.20-192.0.2.30'],
    ['spec.addresses[1]: Invalid value: "192.0.2.20-192.0.2.30": overlaps with 192.0.2.0/24 of the same pool'],
  ],
];
for (const [addresses, expected] of CASES) {
  test(`a pool of ${addresses.join(' and ') || 'nothing'} is ${expected.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(mistakesOf(IPAddressPool, { spec: { addresses } }), expected);
  });
}

test('a pool is assigned from unless it says otherwise', () => {
  const { spec } = admitted(IPAddressPool, { spec: { addresses: ['192.0.2.0/24'] } });
  assert.deepEqual(spec, { addresses: ['192.0.2.0/24'], autoAssign: true, avoidBuggyIPs: false });
});

test('a pool is refused with a selector that can match nothing', () => {
  const serviceSelectors = [{ matchExpressions: [{ key: 'a', operator: 'In' }] }];
  const spec = { addresses: ['192.0.2.0/24'], serviceAllocation: { serviceSelectors } };
  assert.deepEqual(mistakesOf(IPAddressPool, { spec }), [
    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ]);
});

test('a pool’s selectors, namespaces and priority are judged together, and none of them may stand twice', () => {
  const serviceAllocation = {
    priority: -1,
    namespaces: ['a', 'B', 'a'],
    namespaceSelectors: [
      { matchExpressions: [{ key: 'tier', operator: 'In', values: ['x', 'y'] }] },
      { matchExpressions: [{ key: 'tier', operator: 'In', values: ['y', 'x'] }] },
    ],
  };
  assert.deepEqual(
    mistakesOf(IPAddressPool, { spec: { addresses: [], serviceAllocation } }).map((text) => text.slice(0, 75)),
    [
      'spec.addresses: Required value: a pool needs at least one CIDR or range',
      'spec.serviceAllocation.priority: Invalid value: -1: must be greater than or',
      'spec.serviceAllocation.namespaces[1]: Invalid value: "B": a lowercase RFC 11',
      'spec.serviceAllocation.namespaces[2]: Duplicate value: "a"',
      'spec.serviceAllocation.namespaceSelectors[1]: Duplicate value: {"matchExpres',
    ].map((text) => text.slice(0, 75)),
  );
});

test('a pool may not hold addresses that no host on a LAN can have', () => {
  const addresses = ['127.0.0.0/8', '223.255.255.0-224.0.0.3', '::1/128', 'ff02::/16', '240.0.0.0/8', 'fe80::/64'];
  assert.deepEqual(mistakesOf(IPAddressPool, { spec: { addresses } }), [
    'spec.addresses[0]: Invalid value: "127.0.0.0/8": holds loopback addresses (127.0.0.0/8), which no Service can have on a LAN',
    'spec.addresses[1]: Invalid value: "223.255.255.0-224.0.0.3": holds multicast addresses (224.0.0.0/4), which no Service can have on a LAN',
    'spec.addresses[2]: Invalid value: "::1/128": holds the unspecified or the loopback address (::/127), which no Service can have on a LAN',
    'spec.addresses[3]: Invalid value: "ff02::/16": holds multicast addresses (ff00::/8), which no Service can have on a LAN',
  ]);
});

test('a pool may have ten thousand ranges, of which any two may overlap, and no more', () => {
  const addresses = Array.from({ length: 9_999 }, (_, i) => `2001:db8::${i.toString(16)}/128`);
  assert.deepEqual(mistakesOf(IPAddressPool, { spec: { addresses: [...addresses, '2001:db8::77/128'] } }), [
    'spec.addresses[9999]: Invalid value: "2001:db8::77/128": overlaps with 2001:db8::77/128 of the same pool',
  ]);
  assert.deepEqual(mistakesOf(IPAddressPool, { spec: { addresses: [...addresses, '::2/128', '::3/128'] } }), [
    'spec.addresses: Too many: 10001: must have at most 10000 items',
  ]);
});

test('every bad range of a pool is told, not only the first', () => {
  const addresses = ['192.0.2.0/24', '192.0.2.7-192.0.2.3', 'fe80::', '192.0.2.128/25'];
  assert.deepEqual(
    mistakesOf(IPAddressPool, { spec: { addresses } }).map((text) => text.split(':')[0]),
    ['spec.addresses[1]', 'spec.addresses[2]', 'spec.addresses[3]'],
  );
});
