import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';
import { SCRATCH } from '../../netfilter/model.ts';
import type { Endpoint } from '../forwarding/forwarding.ts';
import { numberEndpoints } from './endpoint-numbers.ts';

const endpointNumbers = (endpoints: readonly Endpoint[]) => numberEndpoints(endpoints).map(({ number }) => number);
const endpoints = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 80,
    local: false,
  }));

test('an endpoint has the same number wherever it is and whoever is beside it', () => {
  const [a, b, c] = endpoints(3);
  assert(a && b && c);
  assert.deepEqual(endpointNumbers([a, b, c]).toReversed(), endpointNumbers([c, b, a]));
  assert.deepEqual(endpointNumbers([b]), endpointNumbers([a, b]).slice(1));
  assert.notDeepEqual(endpointNumbers([a]), endpointNumbers([{ ...a, port: 81 }]));
});

test('no two endpoints have the same number, even where hashes meet', () => {
  const all = endpoints(60_000);
  const numbers = endpointNumbers(all);
  assert.equal(new Set(numbers).size, all.length);
  assert(numbers.every((number) => number >= SCRATCH.first && number <= SCRATCH.last));
  const swapped = endpointNumbers(all.toReversed()).toReversed();
  assert.deepEqual(swapped, numbers, 'whatever their order');
  const alone = new Set(all.map((one) => endpointNumbers([one])[0]));
  assert(alone.size < all.length, 'some did meet');
});

test('in the kernel, clients stay with their endpoint for as long as they come back in time', {
  skip: skipWithoutNft(),
}, () => {
  inNamespace(new URL('sticky.fixture.ts', import.meta.url));
});
