import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Service } from '../../api/core/v1/service.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { mustParseIP, printIP } from '../../lib/ip.ts';
import { type Assignment, assign, poolOf } from './assign.ts';
import { addressRequest } from './request.ts';

type PoolSpec = Partial<IPAddressPool['spec']>;

function pool(name: string, addresses: string[], spec: PoolSpec = {}) {
  return poolOf({
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name, namespace: 'metallb-system' },
    spec: { addresses, ...spec },
  });
}

interface Wish {
  spec?: Partial<NonNullable<Service['spec']>>;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

function service({ spec = {}, annotations = {}, labels = {} }: Wish = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'ns', annotations, labels },
    spec: { type: 'LoadBalancer', ipFamilies: ['IPv4'], ...spec },
  };
}

/** The addresses, or why there are none. */
function outcome(assignment: Assignment): string {
  return assignment.kind === 'assigned' ? assignment.addresses.map(printIP).join(' ') : assignment.message;
}

const dual = { ipFamilies: ['IPv4', 'IPv6'] as const };
const v4 = pool('v4', ['192.0.2.10-192.0.2.11']);
const v6 = pool('v6', ['2001:db8::10-2001:db8::11']);
const both = pool('both', ['192.0.2.20/31', '2001:db8::20/127']);
const taken = { '192.0.2.10': 'ns/other', '192.0.2.11': 'ns/another' };

interface Case {
  name: string;
  pools: ReturnType<typeof pool>[];
  wish?: Wish;
  owners?: Record<string, string>;
  current?: string[];
  expected: string;
}

const cases: Case[] = [
  { name: 'gets the first free address', pools: [v4], expected: '192.0.2.10' },
  { name: 'gets one that nobody else has', pools: [v4], owners: { '192.0.2.10': 'ns/other' }, expected: '192.0.2.11' },
  { name: 'keeps the address it has', pools: [both, v4], current: ['192.0.2.11'], expected: '192.0.2.11' },
  {
    name: 'gets another when the pools no longer have its own',
    pools: [both],
    current: ['192.0.2.11'],
    expected: '192.0.2.20',
  },
  {
    name: 'gets both families from one pool',
    pools: [v4, v6, both],
    wish: { spec: dual },
    expected: '192.0.2.20 2001:db8::20',
  },
  {
    name: 'is content with one family when it only prefers two',
    pools: [v4],
    wish: { spec: { ...dual, ipFamilyPolicy: 'PreferDualStack' } },
    expected: '192.0.2.10',
  },
  {
    name: 'is not content with one family when it requires two',
    pools: [v4],
    wish: { spec: { ...dual, ipFamilyPolicy: 'RequireDualStack' } },
    expected: 'no pool can give an address: pool "v4": it has no IPv6 addresses',
  },
  {
    name: 'takes the pool with the lower priority number first',
    pools: [pool('a', ['192.0.2.1/32']), pool('b', ['192.0.2.2/32'], { serviceAllocation: { priority: 5 } })],
    expected: '192.0.2.2',
  },
  {
    name: 'is told that there are no pools',
    pools: [],
    expected:
      'there is no IPAddressPool: create one (metallb.io/v1beta1) with addresses of the network the nodes are on',
  },
  {
    name: 'is told what ruled out each pool',
    pools: [
      v4,
      v6,
      pool('manual', ['192.0.2.1/32'], { autoAssign: false }),
      pool('elsewhere', ['192.0.2.1/32'], { serviceAllocation: { namespaces: ['prod'] } }),
      pool('labelled', ['192.0.2.1/32'], {
        serviceAllocation: { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] },
      }),
    ],
    owners: taken,
    expected:
      'no pool can give an address: pool "elsewhere": it is not for namespace "ns" (serviceAllocation); ' +
      'pool "labelled": the Service\'s labels match none of its serviceSelectors; ' +
      'pool "manual": autoAssign is false (ask for it with the annotation metallb.io/address-pool: manual); ' +
      'pool "v4": all of its 2 IPv4 addresses are in use; pool "v6": it has no IPv4 addresses',
  },
  {
    name: 'gets an address of a pool that it asks for, though that is not given out by itself',
    pools: [v4, pool('manual', ['192.0.2.1/32'], { autoAssign: false })],
    wish: { annotations: { 'metallb.io/address-pool': 'manual' } },
    expected: '192.0.2.1',
  },
  {
    name: 'gets the address in spec.loadBalancerIP',
    pools: [both, v4],
    wish: { spec: { loadBalancerIP: '192.0.2.11' } },
    expected: '192.0.2.11',
  },
  {
    name: 'gets the addresses that it asks for, under the older prefix too',
    pools: [both],
    wish: { spec: dual, annotations: { 'metallb.universe.tf/loadBalancerIPs': '2001:db8::21, 192.0.2.21' } },
    expected: '192.0.2.21 2001:db8::21',
  },
  {
    name: 'is told who has the address that it asks for',
    pools: [v4],
    owners: taken,
    wish: { spec: { loadBalancerIP: '192.0.2.10' } },
    expected: 'no pool can give an address: pool "v4": the requested address 192.0.2.10 belongs to Service ns/other',
  },
  {
    name: 'is told that what it asks for is no address',
    pools: [v4],
    wish: { spec: { loadBalancerIP: '192.0.2' } },
    expected: 'the requested address "192.0.2" is not an IP address',
  },
  {
    name: 'is told that what it asks for is of a family that it does not have',
    pools: [v4],
    wish: { spec: { loadBalancerIP: '2001:db8::10' } },
    expected: "the requested address 2001:db8::10 is IPv6, and the Service's ipFamilies are IPv4",
  },
];

describe('a Service of type LoadBalancer', () => {
  for (const { name, pools, wish, owners = {}, current = [], expected } of cases) {
    it(name, () => {
      const request = addressRequest(service(wish));
      assert.equal(
        outcome(assign(pools, new Map(Object.entries(owners)), request, current.map(mustParseIP))),
        expected,
      );
    });
  }

  it('gets an address of a pool for namespaces with its labels', () => {
    const chosen = pool('p', ['192.0.2.1/32'], {
      serviceAllocation: { namespaceSelectors: [{ matchLabels: { env: 'prod' } }] },
    });
    const request = addressRequest(service());
    const given = (env: string) => assign([chosen], new Map(), request, [], () => ({ env })).kind;
    assert.deepEqual([given('prod'), given('test')], ['assigned', 'refused']);
  });
});
