import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mistakesOf } from '../../testing.ts';
import { L2Advertisement } from './l2advertisement.ts';

test('an advertisement without a spec announces everything', () => {
  assert.deepEqual(mistakesOf(L2Advertisement, {}), []);
});

test('an advertisement has every field that MetalLB’s has', () => {
  const matchLabels = { zone: 'a' };
  const spec = {
    ipAddressPools: ['one'],
    ipAddressPoolSelectors: [{ matchLabels }],
    nodeSelectors: [{ matchLabels }, { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['b'] }] }],
    preferredNodeSelectors: [{ weight: 100, preference: { matchLabels } }],
    interfaces: ['eth0'],
    serviceSelectors: [{ matchLabels }],
  };
  assert.deepEqual(mistakesOf(L2Advertisement, { spec }), []);
});

test('an impossible interface is refused', () => {
  assert.deepEqual(mistakesOf(L2Advertisement, { spec: { interfaces: ['eth0', 'a/b'] } }), [
    "spec.interfaces[1]: Invalid value: \"a/b\": must be the name of a network interface: 1 to 15 characters without spaces, '/' and ':'",
  ]);
});

test('weights are 1 to 100', () => {
  const preferredNodeSelectors = [0, 1, 100, 101].map((weight) => ({ weight, preference: {} }));
  assert.deepEqual(mistakesOf(L2Advertisement, { spec: { preferredNodeSelectors } }), [
    'spec.preferredNodeSelectors[0].weight: Invalid value: 0: must be between 1 and 100, inclusive',
    'spec.preferredNodeSelectors[3].weight: Invalid value: 101: must be between 1 and 100, inclusive',
  ]);
});

test('a preference with a selector that can match nothing is refused', () => {
  const preference = { matchExpressions: [{ key: 'zone', operator: 'In' }] };
  assert.deepEqual(mistakesOf(L2Advertisement, { spec: { preferredNodeSelectors: [{ weight: 1, preference }] } }), [
    "spec.preferredNodeSelectors[0].preference.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ]);
});

test('pools and selectors that stand there twice are refused, as by MetalLB', () => {
  const selector = { matchLabels: { a: 'b', c: 'd' } };
  const same = { matchLabels: { c: 'd', a: 'b' } };
  const spec = { ipAddressPools: ['one', 'one'], nodeSelectors: [selector, same], serviceSelectors: [selector, same] };
  assert.deepEqual(mistakesOf(L2Advertisement, { spec }), [
    'spec.ipAddressPools[1]: Duplicate value: "one"',
    'spec.nodeSelectors[1]: Duplicate value: {"matchLabels":{"c":"d","a":"b"}}',
    'spec.serviceSelectors[1]: Duplicate value: {"matchLabels":{"c":"d","a":"b"}}',
  ]);
});
