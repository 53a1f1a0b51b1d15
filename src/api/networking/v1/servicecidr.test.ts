import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { isReadyServiceCIDR, ServiceCIDR } from './servicecidr.ts';

const range = (...cidrs: string[]) => ({ spec: { cidrs } });

const CASES: readonly [why: string, cidrs: readonly string[], mistakes: readonly string[]][] = [
  ['one of each family is right', ['10.96.0.0/16', 'fd00::/112'], []],
  ['none is refused', [], ['spec.cidrs: Required value: at least one CIDR required']],
  [
    'three are refused',
    ['10.0.0.0/24', '10.1.0.0/24', '::/112'],
    ['spec.cidrs: Invalid value: ["10.0.0.0/24","10.1.0.0/24","::/112"]: may only hold up to 2 values'],
  ],
  [
    'two of one family are refused',
    ['10.0.0.0/24', '10.1.0.0/24'],
    [
      'spec.cidrs: Invalid value: ["10.0.0.0/24","10.1.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ],
  [
    'what is no prefix is refused',
    ['10.0.0.0'],
    ['spec.cidrs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ],
  [
    'a prefix with bits beyond its length is refused',
    ['10.0.0.5/24'],
    ['spec.cidrs[0]: Invalid value: "10.0.0.5/24": must not have bits set beyond the prefix length'],
  ],
];
for (const [why, cidrs, mistakes] of CASES) {
  test(`of the prefixes of a range ${why}`, () => assert.deepEqual(mistakesOf(ServiceCIDR, range(...cidrs)), mistakes));
}

test('a range gets a second family and changes in no other way', () => {
  const old = admitted(ServiceCIDR, range('10.0.0.0/24'));
  assert.deepEqual(mistakesOf(ServiceCIDR, range('10.0.0.0/24', 'fd00::/112'), old), []);
  assert.deepEqual(mistakesOf(ServiceCIDR, range('10.1.0.0/24'), old), [
    'spec.cidrs[0]: Invalid value: "10.1.0.0/24": field is immutable',
  ]);
  const dual = admitted(ServiceCIDR, range('10.0.0.0/24', 'fd00::/112'));
  assert.deepEqual(mistakesOf(ServiceCIDR, range('10.0.0.0/24'), dual), [
    'spec.cidrs: Invalid value: ["10.0.0.0/24"]: field is immutable',
  ]);
});

test('a range is made with the finalizer that keeps it while it is in use, and without a status', () => {
  const made = admitted(ServiceCIDR, {
    ...range('10.0.0.0/24'),
    status: { conditions: [{ type: 'Ready', status: 'False' }] },
  });
  assert.deepEqual(made.metadata.finalizers, ['networking.k8s.io/service-cidr-finalizer']);
  assert.equal(made.status, undefined);
});

test('a range gives addresses until somebody says otherwise or deletes it', () => {
  const made = admitted(ServiceCIDR, range('10.0.0.0/24'));
  const ready = (status: string) => ({ ...made, status: { conditions: [{ type: 'Ready', status }] } });
  const deleted = { ...made, metadata: { ...made.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  assert.deepEqual([made, ready('True'), ready('False'), deleted].map(isReadyServiceCIDR), [true, true, false, false]);
});
