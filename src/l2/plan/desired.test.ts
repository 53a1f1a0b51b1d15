import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { advertisement, node, pool, service, slice } from '../testing.ts';
import { announcedAddresses, type Claim, desiredAnnouncement } from './desired.ts';
import { advertisedPools, nodeFacts } from './eligible.ts';

const EXCLUDED = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
const IP = '192.0.2.10';
const web = service('web', [IP]);

/** Who announces IP, and where: computed by every node for itself. */
function announcers(world: {
  nodes?: readonly Node[];
  advertisements?: readonly L2Advertisement[];
  claims?: readonly Claim[];
  pools?: Parameters<typeof advertisedPools>[0];
  ip?: string;
}): readonly string[] {
  const nodes = world.nodes ?? [node('a'), node('b'), node('c')];
  const ip = world.ip ?? IP;
  const advertised = advertisedPools(
    world.pools ?? [pool('lan', ['192.0.2.0/24', '2001:db8::10-2001:db8::20'], { lan: 'yes' })],
    world.advertisements ?? [advertisement('all')],
    nodes,
  );
  const claims = world.claims ?? [{ service: web, slices: [slice('web', '10.244.0.5', ['a', 'b', 'c'])] }];
  return nodes.flatMap(({ metadata: { name = '' } }) => {
    const found = desiredAnnouncement(name, mustParseIP(ip), claims, advertised);
    return found === undefined ? [] : [found.interfaces ? `${name}@${[...found.interfaces].join('+')}` : name];
  });
}

test('exactly one of the nodes announces an address', () => {
  assert.equal(announcers({}).length, 1);
});

const only = (slices: Claim['slices'], spec = {}): Claim[] => [{ service: service('web', [IP], spec), slices }];

const cases: readonly (readonly [string, Parameters<typeof announcers>[0], readonly string[]])[] = [
  ['a node that is not ready does not', { nodes: [node('a', { ready: 'Unknown' }), node('b')] }, ['b']],
  ['a node with the exclusion label does not', { nodes: [node('a', { labels: EXCLUDED }), node('b')] }, ['b']],
  ['without an advertisement nobody does', { advertisements: [] }, []],
  [
    'an advertisement of another pool does not count',
    { advertisements: [advertisement('x', { ipAddressPools: ['y'] })] },
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
      nodes: [node('a'), node('b', { labels: { rack: '2' } })],
      advertisements: [advertisement('x', { nodeSelectors: [{ matchLabels: { rack: '2' } }] })],
    },
    ['b'],
  ],
  [
    'two advertisements of a pool add up',
    {
      nodes: [node('a')],
      advertisements: [advertisement('x', { interfaces: ['eth0'] }), advertisement('y', { interfaces: ['eth1'] })],
    },
    ['a@eth0+eth1'],
  ],
  [
    'one that names no interface means every one',
    { nodes: [node('a')], advertisements: [advertisement('x', { interfaces: ['eth0'] }), advertisement('y')] },
    ['a'],
  ],
  ['an address outside every pool is not announced', { ip: '198.51.100.1' }, []],
  ['a Service without endpoints is not announced', { claims: only([]) }, []],
  [
    'nor is one whose endpoints are all unready',
    { claims: only([slice('web', '10.244.0.5', ['a'], { ready: false })]) },
    [],
  ],
  [
    'an endpoint that is ending still serves',
    { nodes: [node('b')], claims: only([slice('web', '10.244.0.5', ['a'], { ready: false, serving: true })]) },
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
];

for (const [what, world, expected] of cases) {
  test(what, () => assert.deepEqual(announcers(world), expected));
}

test('only addresses of LoadBalancer Services that are virtual are announced', () => {
  assert.deepEqual(announcedAddresses(service('web', ['192.0.2.1', '2001:DB8:0::1', 'x'])), [
    '192.0.2.1',
    '2001:db8::1',
  ]);
  assert.deepEqual(announcedAddresses(service('web', ['192.0.2.1'], { type: 'NodePort' })), []);
  const proxied = { ...web, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'Proxy' }] } } };
  assert.deepEqual(announcedAddresses(proxied), []);
});

test('a heartbeat does not change what is decided about a node', () => {
  const before = node('a');
  const conditions = before.status?.conditions?.map((each) => ({ ...each, lastHeartbeatTime: '2026-01-01T00:00:00Z' }));
  assert.equal(nodeFacts({ ...before, status: { ...before.status, conditions: conditions ?? [] } }), nodeFacts(before));
  assert.notEqual(nodeFacts(node('a', { ready: 'False' })), nodeFacts(before));
});
