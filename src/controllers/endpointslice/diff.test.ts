import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint, EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { DesiredSlices } from './desired.ts';
import { diff, MAX_ENDPOINTS } from './diff.ts';

const ports = [{ name: '', protocol: 'TCP' as const, port: 80 }];
const labels = { a: 'b' };
const owner = { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'web-uid' };

function endpoint(n: number, ready = true): Endpoint {
  return { addresses: [`10.0.${n >> 8}.${n & 255}`], conditions: { ready }, targetRef: { uid: `u${n}` } };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => endpoint(from + i));

function desired(endpoints: readonly Endpoint[]): DesiredSlices {
  return { labels, owner, groups: [{ addressType: 'IPv4', ports: endpoints.length > 0 ? ports : [], endpoints }] };
}

function slice(name: string, endpoints: readonly Endpoint[], over: Partial<EndpointSlice> = {}): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'ns', labels, ownerReferences: [owner] },
    addressType: 'IPv4',
    endpoints,
    ports: endpoints.length > 0 ? ports : [],
    ...over,
  };
}

/** The changes in short: names, and how many endpoints each has afterwards. */
function summary(wanted: DesiredSlices, actual: readonly EndpointSlice[]) {
  const { create, update, remove } = diff(wanted, actual);
  return {
    create: create.map(({ endpoints }) => endpoints.length),
    update: update.map(({ metadata, endpoints }) => [metadata.name, endpoints.length]),
    remove: remove.map(({ metadata }) => metadata.name),
  };
}

describe('the changes to slices', () => {
  const nothing = { create: [], update: [], remove: [] };
  const full = slice('full', range(0, MAX_ENDPOINTS));
  const cases: [string, DesiredSlices, EndpointSlice[], object][] = [
    ['are none when nothing differs', desired(range(0, 3)), [slice('a', range(0, 3))], nothing],
    ['are none when only the order differs', desired(range(0, 3).reverse()), [slice('a', range(0, 3))], nothing],
    ['make an empty slice when there is no endpoint', desired([]), [], { ...nothing, create: [0] }],
    ['leave the empty slice', desired([]), [slice('a', [])], nothing],
    ['fill the empty slice', desired(range(0, 1)), [slice('a', [])], { ...nothing, update: [['a', 1]] }],
    ['empty the slice that is left', desired([]), [slice('a', range(0, 1))], { ...nothing, update: [['a', 0]] }],
    ['divide many endpoints', desired(range(0, 250)), [], { ...nothing, create: [100, 100, 50] }],
    [
      'put a new endpoint where there is room',
      desired(range(0, 102)),
      [full, slice('b', range(100, 101))],
      { ...nothing, update: [['b', 2]] },
    ],
    ['make a slice when all are full', desired(range(0, 101)), [full], { ...nothing, create: [1] }],
    [
      'touch only the slice whose endpoint went',
      desired(range(1, 101)),
      [full, slice('b', range(100, 101))],
      { ...nothing, update: [['full', 99]] },
    ],
    [
      'remove a slice that became empty',
      desired(range(0, 100)),
      [full, slice('b', range(100, 101))],
      { ...nothing, remove: ['b'] },
    ],
    [
      'put what is left into the one slice that it fills best, rather than into several',
      desired(range(0, 180)),
      [slice('a', range(0, 60)), slice('b', range(60, 140)), slice('c', range(140, 170))],
      { ...nothing, update: [['b', 90]] },
    ],
    [
      'make one new slice where only several together have room',
      desired(range(0, 220)),
      [slice('a', range(0, 90)), slice('b', range(90, 180))],
      { ...nothing, create: [40] },
    ],
    [
      'fill slices that are written anyway first',
      desired(range(1, 150)),
      [slice('a', range(0, 50)), slice('b', range(50, 145))],
      { ...nothing, update: [['a', 54]] },
    ],
    [
      'remove slices of a Service that had the name before, and do not write them',
      desired(range(0, 1)),
      [slice('old', [], { metadata: { name: 'old', ownerReferences: [{ ...owner, uid: 'before' }] } })],
      { create: [1], update: [], remove: ['old'] },
    ],
    [
      'rewrite labels',
      desired(range(0, 1)),
      [slice('a', range(0, 1), { metadata: { name: 'a', ownerReferences: [owner] } })],
      { ...nothing, update: [['a', 1]] },
    ],
    [
      'remove slices of a family that is gone',
      desired(range(0, 1)),
      [slice('a', range(0, 1)), slice('v6', [], { addressType: 'IPv6' })],
      { ...nothing, remove: ['v6'] },
    ],
  ];
  for (const [name, wanted, actual, expected] of cases) {
    it(name, () => assert.deepEqual(summary(wanted, actual), expected));
  }

  it('rewrite an endpoint in its place when its conditions change', () => {
    const { update } = diff(desired([endpoint(0), endpoint(1, false), endpoint(2)]), [slice('a', range(0, 3))]);
    assert.deepEqual(
      update[0]?.endpoints.map(({ conditions }) => conditions?.ready),
      [true, false, true],
    );
  });

  it('lead to what is desired from anything, and then to nothing more', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = generator(seed);
      const some = () => range(0, 300).filter(() => random() < 0.5);
      const parts = some();
      const actual = [0, 1, 2, 3].map((i) => slice(`s${i}`, parts.slice(i * 40, i * 40 + Math.floor(random() * 60))));
      const wanted = desired(some());
      const after = applied(diff(wanted, actual), actual);
      const found = after.flatMap(({ endpoints }) => endpoints.map(({ addresses }) => addresses[0])).sort();
      const expected = wanted.groups.flatMap(({ endpoints }) => endpoints.map(({ addresses }) => addresses[0])).sort();
      assert.deepEqual(found, expected, `seed ${seed}`);
      assert.ok(
        after.every(({ endpoints }) => endpoints.length <= MAX_ENDPOINTS),
        `seed ${seed}`,
      );
      assert.deepEqual(summary(wanted, after), nothing, `seed ${seed}`);
    }
  });
});

function applied(changes: ReturnType<typeof diff>, actual: readonly EndpointSlice[]): EndpointSlice[] {
  const updated = new Map(changes.update.map((each) => [each.metadata.name, each]));
  const kept = actual
    .filter((each) => !changes.remove.includes(each))
    .map((each) => updated.get(each.metadata.name) ?? each);
  const made = changes.create.map(({ endpoints, ports: own }, i) => slice(`new${i}`, endpoints, { ports: own }));
  return [...kept, ...made];
}

/** A small generator of numbers that a seed determines. https://en.wikipedia.org/wiki/Linear_congruential_generator */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
