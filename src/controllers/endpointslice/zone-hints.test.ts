import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import type { Endpoint, EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { testSeed } from '../../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../../lib/random.ts';
import type { DesiredSlices } from './desired.ts';
import { diff } from './diff.ts';
import { withZoneHints } from './zone-hints.ts';
import { type ZoneShares, zoneShares } from './zone-shares.ts';

interface NodeOptions {
  readonly cpu?: string;
  readonly ready?: boolean;
  readonly role?: string;
}

function node(zone: string, { cpu = '4', ready = true, role }: NodeOptions = {}): Node {
  const labels = {
    ...(zone === '' ? {} : { 'topology.kubernetes.io/zone': zone }),
    ...(role === undefined ? {} : { [`node-role.kubernetes.io/${role}`]: '' }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `node-${zone}`, labels },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], allocatable: { cpu } },
  };
}

const shares = (of: Readonly<Record<string, number>>): ZoneShares => ({
  kind: 'shares',
  of: new Map(Object.entries(of)),
});
const HALVES = shares({ a: 0.5, b: 0.5 });

/** `a3` is an endpoint of zone a; `!a3` one that is not ready; `?3` one without a zone. */
function endpoint(text: string): Endpoint {
  const [, not, zone = '', id] = /^(!?)([a-z?])(\d+)$/.exec(text) ?? [];
  return {
    addresses: [`10.244.0.${id}`],
    conditions: { ready: not === '' },
    targetRef: { uid: text.replace('!', '') },
    ...(zone === '?' ? {} : { zone }),
  };
}

/** So many endpoints of a zone: `a0`, `a1` and so on. */
const some = (zone: string, count: number) => Array.from({ length: count }, (_, i) => `${zone}${i}`);

const desired = (endpoints: readonly string[]): DesiredSlices => ({
  labels: {},
  owner: { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'web' },
  groups: [{ addressType: 'IPv4', ports: [], endpoints: endpoints.map(endpoint) }],
  keepHints: true,
});

let names = 0;

/** What is hinted once the endpoints are these: the slices then, how many were written, and what was made of it. */
function play(endpoints: readonly string[], by: ZoneShares, actual: readonly EndpointSlice[] = []) {
  const wanted = desired(endpoints);
  const { changes, outcomes } = withZoneHints(wanted, diff(wanted, actual), actual, by);
  const created = changes.create.map((slice): EndpointSlice => {
    // Never the name of one that is there, nor of one that was.
    const name = `web-${names++}`;
    const metadata = { name, labels: {}, ownerReferences: [wanted.owner] };
    return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, ...slice };
  });
  const gone = new Set(changes.remove.map(({ metadata }) => metadata.name));
  const updated = new Map(changes.update.map((slice) => [slice.metadata.name, slice]));
  const kept = actual.filter(({ metadata }) => !gone.has(metadata.name));
  const slices = [...kept.map((slice) => updated.get(slice.metadata.name) ?? slice), ...created];
  const [outcome] = outcomes;
  return {
    slices,
    writes: changes.create.length + changes.update.length + changes.remove.length,
    outcome: outcome?.kind === 'disabled' ? outcome.why : outcome?.kind,
    hints: slices.flatMap(({ endpoints: all }) => all.map(({ hints }) => hints?.forZones?.[0]?.name ?? '-')).join(''),
  };
}

/** How many endpoints each zone is given. */
function given(slices: readonly EndpointSlice[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { endpoints } of slices) {
    for (const { hints } of endpoints) {
      const zone = hints?.forZones?.[0]?.name ?? 'none';
      counts[zone] = (counts[zone] ?? 0) + 1;
    }
  }
  return counts;
}

describe('hints by the zones’ CPU', () => {
  it('are the endpoints’ own zones where these fit the shares', () => {
    const { hints, outcome } = play(['a1', 'a2', 'b3', 'b4'], HALVES);
    assert.deepEqual([hints, outcome], ['aabb', 'enabled']);
  });

  it('give a zone that has too few some of another’s, and all others keep their own', () => {
    assert.equal(play(['a1', 'a2', 'a3', 'b4'], HALVES).hints, 'baab');
    assert.deepEqual(given(play(some('a', 9), shares({ a: 1 / 3, b: 1 / 3, c: 1 / 3 })).slices), { a: 3, b: 3, c: 3 });
  });

  it('follow shares that differ', () => {
    const { slices } = play([...some('a', 10), ...some('b', 10)], shares({ a: 0.75, b: 0.25 }));
    assert.deepEqual(given(slices), { a: 15, b: 5 });
  });

  it('are only of endpoints that are ready', () => {
    assert.equal(play(['a1', '!a2', 'b3'], HALVES).hints, 'a-b');
  });

  const NONE: readonly [why: string, endpoints: readonly string[], by: ZoneShares, told: string][] = [
    ['there are fewer endpoints than zones', ['a1'], HALVES, 'Insufficient number of endpoints (1 endpoints, 2 zones)'],
    [
      'some zone would be overloaded',
      ['a1', 'a2', 'b3'],
      shares({ a: 0.9, b: 0.05, c: 0.05 }),
      'Minimum allocation of required endpoints exceeds available endpoints (3 endpoints, 3 zones)',
    ],
    ['an endpoint has no zone', ['a1', 'a2', 'b3', '?4'], HALVES, 'One or more endpoints do not have a zone specified'],
    ['the nodes are in one zone', ['a1'], zoneShares([node('a'), node('a')]), 'Nodes only ready in one zone'],
  ];
  for (const [why, endpoints, by, told] of NONE) {
    it(`are none when ${why}, and are taken off again`, () => {
      const { hints, outcome } = play(endpoints, by);
      assert.deepEqual([hints, outcome], ['-'.repeat(endpoints.length), told]);
      const before = play(
        endpoints.map((text) => text.replace('?', 'b')),
        shares({ a: 0.5 }),
      ).slices;
      const after = play(endpoints, by, before);
      assert.deepEqual([after.hints, after.outcome], [hints, told]);
    });
  }

  it('stay as they are while they fit, so that nothing is written', () => {
    const { slices } = play([...some('a', 6), ...some('b', 4)], HALVES);
    assert.deepEqual(given(slices), { a: 5, b: 5 });
    assert.equal(play([...some('a', 6), ...some('b', 4)], HALVES, slices).writes, 0);
    // A little more CPU in one zone overloads nobody.
    assert.equal(play([...some('a', 6), ...some('b', 4)], shares({ a: 0.52, b: 0.48 }), slices).writes, 0);
  });

  it('are made anew when the zones have changed so that some would be overloaded', () => {
    const { slices } = play([...some('a', 10), ...some('b', 10)], HALVES);
    const after = play([...some('a', 10), ...some('b', 10)], shares({ a: 0.25, b: 0.75 }), slices);
    assert.deepEqual([given(after.slices), after.writes], [{ a: 5, b: 15 }, 1]);
  });

  it('cost one write when one endpoint of very many changes', () => {
    const all = [...some('a', 300), ...some('b', 300)];
    const { slices, writes } = play(all, HALVES);
    assert.equal(writes, 6);
    const after = play(['!a0', ...all.slice(1)], HALVES, slices);
    assert.equal(after.writes, 1);
    assert.equal(after.outcome, 'enabled');
  });

  it('replace those of another rule', () => {
    const { slices } = play(['a1', 'b2'], HALVES);
    const named = slices.map((slice) => ({
      ...slice,
      endpoints: slice.endpoints.map((e) => ({ ...e, hints: { ...e.hints, forNodes: [{ name: 'n1' }] } })),
    }));
    const [after] = play(['a1', 'b2'], HALVES, named).slices;
    assert.deepEqual(after?.endpoints[0]?.hints, { forZones: [{ name: 'a' }] });
  });
});

describe('the shares of zones', () => {
  const CASES: readonly [why: string, nodes: readonly Node[], expected: object | string][] = [
    [
      'follow the allocatable CPU',
      [node('a', { cpu: '3' }), node('b', { cpu: '500m' }), node('b', { cpu: '500m' })],
      { a: 0.75, b: 0.25 },
    ],
    ['leave out nodes that are not ready', [node('a'), node('b'), node('c', { ready: false })], { a: 0.5, b: 0.5 }],
    ['leave out the control plane', [node('a'), node('b'), node('c', { role: 'control-plane' })], { a: 0.5, b: 0.5 }],
    ['need two zones', [node('a')], 'Nodes only ready in one zone'],
    [
      'need the zone of every node',
      [node('a'), node('b'), node('')],
      'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes',
    ],
    [
      'need the CPU of every node',
      [node('a'), node('b', { cpu: '0' })],
      'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes',
    ],
  ];
  for (const [why, nodes, expected] of CASES) {
    it(why, () => {
      const found = zoneShares(nodes);
      assert.deepEqual(found.kind === 'none' ? found.why : Object.fromEntries(found.of), expected);
    });
  }
});

describe('through random changes of endpoints and zones, hints', () => {
  const seed = testSeed();
  it(`are of every ready endpoint, for a zone that has nodes, and rest once they stand (POSTERN_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    let slices: readonly EndpointSlice[] = [];
    for (let step = 0; step < 200; step++) {
      const zones = ['a', 'b', 'c'].slice(0, 2 + randomBelow(random, 2));
      const weights = zones.map((zone) => [zone, 1 + randomBelow(random, 4)] as const);
      const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
      const by = shares(Object.fromEntries(weights.map(([zone, weight]) => [zone, weight / total])));
      const endpoints = zones.flatMap((zone) =>
        some(zone, randomBelow(random, 120)).map((text) => (randomBelow(random, 9) === 0 ? `!${text}` : text)),
      );
      const played = play(endpoints, by, slices);
      slices = played.slices;
      const all = slices.flatMap((slice) => slice.endpoints);
      assert.equal(all.length, endpoints.length);
      for (const { conditions, hints } of all) {
        const [hint] = hints?.forZones ?? [];
        const isHinted = conditions?.ready === true && played.outcome === 'enabled';
        assert.equal(hint !== undefined, isHinted, `step ${step}`);
        assert.ok(hint === undefined || zones.includes(hint.name), `step ${step}`);
      }
      assert.equal(play(endpoints, by, slices).writes, 0, `step ${step}`);
    }
  });
});
