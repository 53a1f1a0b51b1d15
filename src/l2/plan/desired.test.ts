import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import type { AddressPlan } from '../lan/messages.ts';
import { advertisement, node, pool, service, slice } from '../testing.ts';
import { announcedAddresses, type Claim, desiredPlan, poolOf, samePlan } from './desired.ts';
import { advertisedPools, nodeFacts } from './eligible.ts';

const EXCLUDED = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
const IP = '192.0.2.10';
const web = service('web', [IP]);

interface World {
  readonly nodes?: readonly Node[];
  readonly advertisements?: readonly L2Advertisement[];
  readonly claims?: readonly Claim[];
  readonly pools?: readonly IPAddressPool[];
  readonly ip?: string;
  /** spec.nodeSelector of the MetalLB object. */
  readonly speakerNodes?: Record<string, string>;
}

const LAN = pool('lan', ['192.0.2.0/24', '2001:db8::10-2001:db8::20'], { lan: 'yes' });
const ALL = [node('a'), node('b'), node('c')];

function plan(world: World): AddressPlan | undefined {
  const { nodes = ALL, advertisements = [advertisement('all')], pools = [LAN], ip = IP, speakerNodes } = world;
  const facts = nodes.map((each) => nodeFacts(each, speakerNodes)).filter((each) => each !== undefined);
  const advertised = advertisedPools({ pools, advertisements, nodes: facts }).pools;
  const claims = world.claims ?? [{ service: web, slices: [slice('web', '10.244.0.5', ['a', 'b', 'c'])] }];
  const pooled = poolOf(ip, advertised);
  return pooled && desiredPlan(ip, claims, pooled);
}

/** `node` or `node@interface+interface`, best first. */
function candidates(world: World): readonly string[] {
  return (plan(world)?.candidates ?? []).map((each) =>
    each.interfaces === undefined ? each.node : `${each.node}@${each.interfaces.join('+')}`,
  );
}

const only = (slices: Claim['slices'], spec = {}): Claim[] => [{ service: service('web', [IP], spec), slices }];
const preferring = (weights: Readonly<Record<string, number>>, spec: L2Advertisement['spec'] = {}) =>
  advertisement('preferring', {
    ...spec,
    preferredNodeSelectors: Object.entries(weights).map(([label, weight]) => ({
      weight,
      preference: { matchLabels: { [label]: 'yes' } },
    })),
  });
const labelled = (name: string, ...labels: readonly string[]) =>
  node(name, { labels: Object.fromEntries(labels.map((label) => [label, 'yes'])) });
const cordoned = (name: string): Node => ({ ...node(name), spec: { unschedulable: true } });

const sets: readonly (readonly [string, World, readonly string[]])[] = [
  ['every node may by default', {}, ['a', 'b', 'c']],
  [
    'a node that the API calls NotReady may: its announcer says itself whether it lives',
    { nodes: [node('a', { ready: 'Unknown' }), node('b')] },
    ['a', 'b'],
  ],
  ['a node with the exclusion label may not', { nodes: [node('a', { labels: EXCLUDED }), node('b')] }, ['b']],
  [
    'a node that is being deleted may not',
    { nodes: [{ ...node('a'), metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } }, node('b')] },
    ['b'],
  ],
  [
    'a node without network may not',
    { nodes: [{ ...node('a'), status: { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] } }, node('b')] },
    ['b'],
  ],
  [
    'the MetalLB object narrows the nodes',
    { nodes: [labelled('a', 'edge'), node('b')], speakerNodes: { edge: 'yes' } },
    ['a'],
  ],
  ['without an advertisement nobody may', { advertisements: [] }, []],
  [
    'an advertisement of another pool does not count',
    { advertisements: [advertisement('x', { ipAddressPools: ['y'] })] },
    [],
  ],
  [
    'nor does one of another namespace',
    { advertisements: [{ ...advertisement('x'), metadata: { name: 'x', namespace: 'other' } }] },
    [],
  ],
  [
    'an advertisement may select pools by label',
    {
      nodes: [node('a')],
      advertisements: [advertisement('x', { ipAddressPoolSelectors: [{ matchLabels: { lan: 'yes' } }] })],
    },
    ['a'],
  ],
  [
    'an advertisement may select nodes',
    {
      nodes: [node('a'), labelled('b', 'rack')],
      advertisements: [advertisement('x', { nodeSelectors: [{ matchLabels: { rack: 'yes' } }] })],
    },
    ['b'],
  ],
  [
    'an advertisement may select Services',
    { advertisements: [advertisement('x', { serviceSelectors: [{ matchLabels: { app: 'web' } }] })] },
    [],
  ],
  [
    'and counts for those that it selects',
    {
      nodes: [node('a')],
      advertisements: [
        advertisement('x', { serviceSelectors: [{ matchLabels: { app: 'web' } }], interfaces: ['eth1'] }),
      ],
      claims: [
        {
          service: { ...web, metadata: { ...web.metadata, labels: { app: 'web' } } },
          slices: [slice('web', '10.244.0.5', ['a'])],
        },
      ],
    },
    ['a@eth1'],
  ],
  [
    'an advertisement whose selector makes no sense counts for nothing, and the others still do',
    {
      advertisements: [
        advertisement('bad', { nodeSelectors: [{ matchExpressions: [{ key: 'x', operator: 'Near', values: [] }] }] }),
        advertisement('good', { interfaces: ['eth0'] }),
      ],
    },
    ['a@eth0', 'b@eth0', 'c@eth0'],
  ],
  [
    'two advertisements of a pool add up, on each node',
    {
      nodes: [labelled('a', 'rack'), node('b')],
      advertisements: [
        advertisement('x', { interfaces: ['eth1'] }),
        advertisement('y', { interfaces: ['eth0'], nodeSelectors: [{ matchLabels: { rack: 'yes' } }] }),
      ],
    },
    ['a@eth0+eth1', 'b@eth1'],
  ],
  [
    'one that names no interface means every one',
    { nodes: [node('a')], advertisements: [advertisement('x', { interfaces: ['eth0'] }), advertisement('y')] },
    ['a'],
  ],
  ['an address outside every pool has no plan', { ip: '198.51.100.1' }, []],
  ['a Service without endpoints is not announced', { claims: only([]) }, []],
  [
    'nor is one whose endpoints are all unready',
    { claims: only([slice('web', '10.244.0.5', ['a'], { ready: false })]) },
    [],
  ],
  [
    'an endpoint that is ending still serves',
    {
      nodes: [node('b')],
      claims: only([slice('web', '10.244.0.5', ['a'], { ready: false, serving: true, terminating: true })]),
    },
    ['b'],
  ],
  [
    'endpoints of one family do not announce the other',
    { ip: '2001:db8::10', nodes: [node('a')], claims: only([slice('web', '10.244.0.5', ['a'])]) },
    [],
  ],
  [
    'with policy Cluster the endpoint may be anywhere',
    { nodes: [node('b')], claims: only([slice('web', '10.244.0.5', ['a'])]) },
    ['b'],
  ],
  [
    'with policy Local it must be on the node itself',
    { claims: only([slice('web', '10.244.0.5', ['c'])], { externalTrafficPolicy: 'Local' }) },
    ['c'],
  ],
  [
    'Services that share an address are announced by a node that serves both',
    {
      claims: [
        {
          service: service('x', [IP], { externalTrafficPolicy: 'Local' }),
          slices: [slice('x', '10.244.0.5', ['a', 'b'])],
        },
        {
          service: service('y', [IP], { externalTrafficPolicy: 'Local' }),
          slices: [slice('y', '10.244.0.6', ['b', 'c'])],
        },
        { service: service('z', [IP]), slices: [] },
      ],
    },
    ['b'],
  ],
  [
    'where no node serves both, the first Service decides',
    {
      claims: [
        { service: service('y', [IP], { externalTrafficPolicy: 'Local' }), slices: [slice('y', '10.244.0.6', ['c'])] },
        { service: service('x', [IP], { externalTrafficPolicy: 'Local' }), slices: [slice('x', '10.244.0.5', ['a'])] },
      ],
    },
    ['a'],
  ],
];
for (const [what, world, expected] of sets) {
  test(what, () => assert.deepEqual(candidates(world).toSorted(), expected));
}

/** Names of which the lot alone would put the last one first. */
const LAST = candidates({}).at(-1) ?? '';
const LOCAL = { externalTrafficPolicy: 'Local' } as const;
const orders: readonly (readonly [string, World])[] = [
  [
    'a preferred node comes first',
    {
      nodes: ALL.map((each) => (each.metadata.name === LAST ? labelled(LAST, 'p') : each)),
      advertisements: [preferring({ p: 1 })],
    },
  ],
  [
    'weights of one node are added up, over all advertisements',
    {
      nodes: ALL.map(({ metadata: { name = '' } }) => labelled(name, ...(name === LAST ? ['p', 'q', 'r'] : ['s']))),
      advertisements: [
        preferring({ p: 40, q: 41, s: 100 }),
        { ...preferring({ r: 20 }), metadata: { name: 'second', namespace: 'metallb-system' } },
      ],
    },
  ],
  [
    'a node that is being drained comes last',
    { nodes: ALL.map(({ metadata: { name = '' } }) => (name === LAST ? node(name) : cordoned(name))) },
  ],
  [
    'a node whose endpoints are all ending comes after one that has better',
    {
      claims: only(
        [
          { ...slice('web', '10.244.0.5', [LAST]), metadata: { ...slice('web', '', []).metadata, name: 'web-1' } },
          slice('web', '10.244.0.6', ['a', 'b', 'c'], { ready: false, serving: true, terminating: true }),
        ],
        { externalTrafficPolicy: 'Local' },
      ),
    },
  ],
  [
    'of Services that share an address, the one that a node serves worst decides its place',
    {
      claims: [
        { service: service('a', [IP], LOCAL), slices: [slice('a', '10.244.0.5', ['a', 'b', 'c'])] },
        {
          service: service('b', [IP], LOCAL),
          slices: [
            { ...slice('b', '10.244.0.6', [LAST]), metadata: { ...slice('b', '', []).metadata, name: 'b-1' } },
            slice('b', '10.244.0.7', ['a', 'b', 'c'], { ready: false, serving: true, terminating: true }),
          ],
        },
      ],
    },
  ],
];
for (const [what, world] of orders) {
  test(what, () => {
    const order = candidates(world);
    assert.equal(order.length, 3);
    assert.equal(order[0], LAST);
  });
}

test('an advertisement prefers only nodes of its own', () => {
  const nodes = ALL.map(({ metadata: { name = '' } }) => labelled(name, ...(name === LAST ? ['p'] : ['p', 'mine'])));
  const own = preferring({ p: 100 }, { nodeSelectors: [{ matchLabels: { mine: 'yes' } }] });
  assert.equal(candidates({ nodes, advertisements: [advertisement('all'), own] }).at(-1), LAST);
});

test('of pools that overlap, which the API refuses, the older one counts', () => {
  const at = (name: string, creationTimestamp: string) => {
    const made = pool(name, ['192.0.2.0/24']);
    return { ...made, metadata: { ...made.metadata, creationTimestamp } };
  };
  const pools = [at('a', '2026-01-02T00:00:00Z'), at('b', '2026-01-01T00:00:00Z')];
  assert.deepEqual(
    candidates({ pools, nodes: [node('n')], advertisements: [advertisement('x', { ipAddressPools: ['a'] })] }),
    [],
  );
  assert.deepEqual(
    candidates({ pools, nodes: [node('n')], advertisements: [advertisement('x', { ipAddressPools: ['b'] })] }),
    ['n'],
  );
});

test('only addresses of LoadBalancer Services that are virtual are announced', () => {
  assert.deepEqual(announcedAddresses(service('web', ['192.0.2.1', '2001:DB8:0::1', 'x'])), [
    '192.0.2.1',
    '2001:db8::1',
  ]);
  assert.deepEqual(announcedAddresses(service('web', ['192.0.2.1'], { type: 'NodePort' })), []);
  const proxied = { ...web, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'Proxy' }] } } };
  assert.deepEqual(announcedAddresses(proxied), []);
});

test('plans are the same when services, candidates and their interfaces are', () => {
  const one = plan({});
  assert.equal(samePlan(one, plan({ nodes: ALL.toReversed() })), true);
  assert.equal(samePlan(one, plan({ nodes: [node('a'), node('b')] })), false);
  assert.equal(samePlan(one, plan({ advertisements: [advertisement('all', { interfaces: ['eth0'] })] })), false);
  assert.equal(samePlan(one, undefined), false);
});
