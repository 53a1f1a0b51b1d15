import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Service } from '../../api/core/v1/service.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { mustParseIP, printIP } from '../../lib/ip.ts';
import { AddressBook } from './address-book.ts';
import { type Assignment, assign, type Question, whyGivenUp } from './assign.ts';
import { poolTable } from './pool-table.ts';
import { addressRequest, currentAddresses } from './request.ts';
import { pool, service, sharing, type Wish } from './testing.ts';

/** The question that a Service is, among others that have addresses already. */
function question(pools: readonly IPAddressPool[], asker: Service, others: readonly Service[] = []): Question {
  const book = new AddressBook();
  book.usePools(poolTable(pools));
  for (const each of [...others, asker]) book.set(addressRequest(each).tenant, currentAddresses(each));
  const request = addressRequest(asker);
  return { book, request, current: book.of(request.tenant.key), namespaceLabels: {} };
}

/** The addresses, or why there are none. */
function outcome(assignment: Assignment): string {
  return assignment.kind === 'assigned' ? assignment.addresses.map(printIP).join(' ') : assignment.message;
}

const dual = { ipFamilies: ['IPv4', 'IPv6'] } as const;
const prefers = { ...dual, ipFamilyPolicy: 'PreferDualStack' } as const;
const requires = { ...dual, ipFamilyPolicy: 'RequireDualStack' } as const;
const v4 = pool('v4', ['192.0.2.10-192.0.2.11']);
const v6 = pool('v6', ['2001:db8::10-2001:db8::11']);
const both = pool('both', ['192.0.2.20/31', '2001:db8::20/127']);
const manual = pool('manual', ['192.0.2.1/32'], { autoAssign: false });
const other = (...has: string[]) => service('other', { has });
const taken = [service('other', { has: ['192.0.2.10'] }), service('another', { has: ['192.0.2.11'] })];
const asksFor = (addresses: string) => ({ 'metallb.io/loadBalancerIPs': addresses });
const asksPool = (name: string) => ({ 'metallb.io/address-pool': name });

interface Case {
  name: string;
  pools: IPAddressPool[];
  wish?: Wish;
  others?: Service[];
  expected: string;
}

const cases: Case[] = [
  { name: 'gets the first free address', pools: [v4], expected: '192.0.2.10' },
  { name: 'gets one that nobody else has', pools: [v4], others: [other('192.0.2.10')], expected: '192.0.2.11' },
  { name: 'keeps the address it has', pools: [both, v4], wish: { has: ['192.0.2.11'] }, expected: '192.0.2.11' },
  {
    name: 'keeps it when a pool that comes first is made',
    pools: [pool('a', ['10.0.0.1/32'], { serviceAllocation: { priority: 1 } }), v4],
    wish: { has: ['192.0.2.11'] },
    expected: '192.0.2.11',
  },
  {
    name: 'gets another when the pools no longer have its own',
    pools: [both],
    wish: { has: ['192.0.2.11'] },
    expected: '192.0.2.20',
  },
  {
    name: 'gets again what it lost with a pool',
    pools: [v4],
    wish: { annotations: { 'postern.dev/former-load-balancer-ips': '192.0.2.11' } },
    expected: '192.0.2.11',
  },
  {
    name: 'gets another when somebody has what it lost',
    pools: [v4],
    wish: { annotations: { 'postern.dev/former-load-balancer-ips': '192.0.2.10' } },
    others: [other('192.0.2.10')],
    expected: '192.0.2.11',
  },
  {
    name: 'gets both families from one pool',
    pools: [v4, v6, both],
    wish: { spec: dual },
    expected: '192.0.2.20 2001:db8::20',
  },
  {
    name: 'gets them in its own order',
    pools: [both],
    wish: { spec: { ipFamilies: ['IPv6', 'IPv4'] } },
    expected: '2001:db8::20 192.0.2.20',
  },
  {
    name: 'is content with one family when it only prefers two',
    pools: [v4],
    wish: { spec: prefers },
    expected: '192.0.2.10',
  },
  {
    name: 'gets two from a later pool when it prefers two',
    pools: [pool('a', ['10.0.0.1/32']), both],
    wish: { spec: prefers },
    expected: '192.0.2.20 2001:db8::20',
  },
  {
    name: 'keeps the one it has, when it prefers two and only another pool has two',
    pools: [both, v4],
    wish: { spec: prefers, has: ['192.0.2.11'] },
    expected: '192.0.2.11',
  },
  {
    name: 'gets a second family beside the one it has',
    pools: [both],
    wish: { spec: prefers, has: ['192.0.2.21'] },
    expected: '192.0.2.21 2001:db8::20',
  },
  {
    name: 'gives back a family that it no longer has',
    pools: [both],
    wish: { has: ['192.0.2.21', '2001:db8::21'] },
    expected: '192.0.2.21',
  },
  {
    name: 'is not content with one family when it requires two',
    pools: [v4],
    wish: { spec: requires },
    expected: 'no pool can give an address: pool "v4": it has no IPv6 addresses',
  },
  {
    name: 'moves to a pool with both families when it now requires two',
    pools: [both, v4],
    wish: { spec: requires, has: ['192.0.2.11'] },
    expected: '192.0.2.20 2001:db8::20',
  },
  {
    name: 'takes the pool with the lower priority number first',
    pools: [
      pool('a', ['192.0.2.1/32']),
      pool('b', ['192.0.2.2/32'], { serviceAllocation: { priority: 5 } }),
      pool('c', ['192.0.2.3/32'], { serviceAllocation: { priority: 4 } }),
    ],
    expected: '192.0.2.3',
  },
  {
    name: 'takes a pool that is for it before one that is for all',
    pools: [pool('a', ['192.0.2.1/32']), pool('b', ['192.0.2.2/32'], { serviceAllocation: { namespaces: ['ns'] } })],
    expected: '192.0.2.2',
  },
  {
    name: 'takes a pool for all when that for it is full',
    pools: [pool('a', ['192.0.2.1/32']), pool('b', ['192.0.2.2/32'], { serviceAllocation: { namespaces: ['ns'] } })],
    others: [other('192.0.2.2')],
    expected: '192.0.2.1',
  },
  {
    name: 'is told that there are no pools',
    pools: [],
    expected:
      'there is no IPAddressPool: create one (metallb.io/v1beta1) with addresses of the network the nodes are on',
  },
  {
    name: 'is told what ruled out each pool, in the order in which they were asked',
    pools: [
      v4,
      v6,
      manual,
      pool('elsewhere', ['192.0.2.2/32'], { serviceAllocation: { namespaces: ['prod'] } }),
      pool('labelled', ['192.0.2.3/32'], {
        serviceAllocation: { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] },
      }),
    ],
    others: taken,
    expected:
      'no pool can give an address: pool "elsewhere": it is not for namespace "ns" (serviceAllocation); ' +
      'pool "labelled": the Service\'s labels match none of its serviceSelectors; ' +
      'pool "manual": autoAssign is false (ask for it with the annotation metallb.io/address-pool: manual); ' +
      'pool "v4": all of its 2 IPv4 addresses are in use; pool "v6": it has no IPv4 addresses',
  },
  {
    name: 'gets an address of a pool that it asks for, though that is not given out by itself',
    pools: [v4, manual],
    wish: { annotations: asksPool('manual') },
    expected: '192.0.2.1',
  },
  {
    name: 'is moved to the pool that it asks for',
    pools: [v4, both],
    wish: { annotations: asksPool('both'), has: ['192.0.2.10'] },
    expected: '192.0.2.20',
  },
  {
    name: 'keeps the address of a pool that is no longer given out by itself',
    pools: [v4, manual],
    wish: { has: ['192.0.2.1'] },
    expected: '192.0.2.1',
  },
  {
    name: 'is told that the pool that it asks for is not there',
    pools: [v4, v6],
    wish: { annotations: asksPool('v5') },
    expected:
      'the Service asks for pool "v5" (annotation metallb.io/address-pool), and there is none: there are v4, v6',
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
    name: 'gets the pool that it asks for under the older prefix',
    pools: [v4, manual],
    wish: { annotations: { 'metallb.universe.tf/address-pool': 'manual' } },
    expected: '192.0.2.1',
  },
  {
    name: 'gets the address that it asks for in a pool that is not given out by itself',
    pools: [v4, manual],
    wish: { annotations: asksFor('192.0.2.1') },
    expected: '192.0.2.1',
  },
  {
    name: 'is moved to the address that it asks for',
    pools: [v4],
    wish: { annotations: asksFor('192.0.2.11'), has: ['192.0.2.10'] },
    expected: '192.0.2.11',
  },
  {
    name: 'is told who has the address that it asks for',
    pools: [v4],
    others: taken,
    wish: { spec: { loadBalancerIP: '192.0.2.10' } },
    expected:
      'no pool can give 192.0.2.10: pool "v4": the requested address 192.0.2.10 belongs to Service ns/other, which does not share it (annotation metallb.io/allow-shared-ip)',
  },
  {
    name: 'is told that the address and the pool that it asks for do not fit',
    pools: [v4, both],
    wish: { annotations: { ...asksFor('192.0.2.10'), ...asksPool('both') } },
    expected:
      'no pool can give 192.0.2.10: pool "both": the requested address 192.0.2.10 is not in it; pool "v4": the Service asks for pool "both"',
  },
  {
    name: 'is told that what it asks for is no address',
    pools: [v4],
    wish: { spec: { loadBalancerIP: '192.0.2' } },
    expected: 'the requested address "192.0.2" is not an IP address',
  },
  {
    name: 'keeps what it has when what it asks for is no address',
    pools: [v4],
    wish: { spec: { loadBalancerIP: '192.0.2' }, has: ['192.0.2.11'] },
    expected: '192.0.2.11',
  },
  {
    name: 'is told that what it asks for is of a family that it does not have',
    pools: [v4],
    wish: { spec: { loadBalancerIP: '2001:db8::10' } },
    expected: "the requested address 2001:db8::10 is IPv6, and the Service's ipFamilies are IPv4",
  },
  {
    name: 'is told that it asks for two of a family',
    pools: [v4],
    wish: { annotations: asksFor('192.0.2.10,192.0.2.11') },
    expected: 'the Service asks for 192.0.2.10, 192.0.2.11: it can have one IPv4 address',
  },
  {
    name: 'is told that it asks twice',
    pools: [v4],
    wish: { spec: { loadBalancerIP: '192.0.2.10' }, annotations: asksFor('192.0.2.11') },
    expected:
      'the Service asks for 192.0.2.10 in spec.loadBalancerIP and for 192.0.2.11 in the annotation metallb.io/loadBalancerIPs: leave one of them out',
  },
];

describe('a Service of type LoadBalancer', () => {
  for (const { name, pools, wish, others, expected } of cases) {
    it(name, () => {
      assert.equal(outcome(assign(question(pools, service('web', wish), others))), expected);
    });
  }

  it('gets an address of a pool for namespaces with its labels', () => {
    const chosen = pool('p', ['192.0.2.1/32'], {
      serviceAllocation: { namespaces: ['staging'], namespaceSelectors: [{ matchLabels: { env: 'prod' } }] },
    });
    const asked = question([chosen], service('web'));
    const given = (namespaceLabels: Record<string, string>) => assign({ ...asked, namespaceLabels }).kind;
    assert.deepEqual([given({ env: 'prod' }), given({ env: 'test' })], ['assigned', 'refused']);
    assert.equal(assign(question([chosen], service('web', { namespace: 'staging' }))).kind, 'assigned');
  });

  it('is told of as many pools as a condition can hold', () => {
    const pools = Array.from({ length: 1000 }, (_, i) =>
      pool(`pool-${i}`, [`10.0.${i >> 8}.${i & 255}/32`], { autoAssign: false }),
    );
    const told = outcome(assign(question(pools, service('web'))));
    assert.ok(told.length < 32_768 && told.length > 30_000, String(told.length));
    assert.match(told, /; and \d+ more pools$/);
  });
});

const udp = { ports: [{ port: 80, protocol: 'UDP' }] } as const;
const local = (app: string) => ({ externalTrafficPolicy: 'Local', selector: { app } }) as const;

describe('Services that share addresses', () => {
  const holder = (wish: Wish = {}) => service('holder', { annotations: sharing('k'), has: ['192.0.2.10'], ...wish });
  for (const { name, wish, of = holder(), expected } of [
    {
      name: 'with other ports get one together',
      wish: { annotations: sharing('k'), spec: { ports: [{ port: 443 }] } },
      expected: '192.0.2.10',
    },
    {
      name: 'with one port of two protocols get one together',
      wish: { annotations: sharing('k'), spec: udp },
      expected: '192.0.2.10',
    },
    {
      name: 'may use the older prefix',
      wish: { annotations: { 'metallb.universe.tf/allow-shared-ip': 'k' }, spec: udp },
      expected: '192.0.2.10',
    },
    { name: 'with a port in common do not', wish: { annotations: sharing('k') }, expected: '192.0.2.11' },
    { name: 'with other keys do not', wish: { annotations: sharing('l'), spec: udp }, expected: '192.0.2.11' },
    { name: 'without a key do not', wish: { spec: udp }, expected: '192.0.2.11' },
    {
      name: 'with an empty key do not',
      wish: { annotations: sharing(''), spec: udp },
      of: holder({ annotations: sharing('') }),
      expected: '192.0.2.11',
    },
    {
      name: 'with other policies do not',
      wish: { annotations: sharing('k'), spec: { ...udp, ...local('a') } },
      expected: '192.0.2.11',
    },
    {
      name: 'that are local to the same pods get one together',
      wish: { annotations: sharing('k'), spec: { ...udp, ...local('a') } },
      of: holder({ spec: local('a') }),
      expected: '192.0.2.10',
    },
    {
      name: 'that are local to other pods do not',
      wish: { annotations: sharing('k'), spec: { ...udp, ...local('b') } },
      of: holder({ spec: local('a') }),
      expected: '192.0.2.11',
    },
    {
      name: 'get the first address, shared or free',
      wish: { annotations: sharing('k'), spec: udp },
      of: holder({ has: ['192.0.2.11'] }),
      expected: '192.0.2.10',
    },
    {
      name: 'share on after one has another',
      wish: { annotations: sharing('k'), spec: udp, has: ['192.0.2.11'] },
      expected: '192.0.2.11',
    },
  ]) {
    it(name, () => {
      assert.equal(outcome(assign(question([v4], service('web', wish), [of]))), expected);
    });
  }

  it('are told why one cannot have the address that it asks for', () => {
    const why = (wish: Wish, of = holder()) => {
      const asker = service('web', { ...wish, annotations: { ...wish.annotations, ...asksFor('192.0.2.10') } });
      return outcome(assign(question([v4], asker, [of]))).replace(/^.*ns\/holder, /, '');
    };
    assert.deepEqual(
      [
        why({ spec: udp }),
        why({ annotations: sharing('l'), spec: udp }),
        why({ annotations: sharing('k') }),
        why({ annotations: sharing('k'), spec: { ...udp, ...local('a') } }),
      ],
      [
        'which shares it with Services that have the annotation metallb.io/allow-shared-ip: k',
        'whose metallb.io/allow-shared-ip is "k", and this Service\'s is "l"',
        'which has the port TCP/80 too',
        "whose traffic goes elsewhere (Cluster, and this Service's Local to app=a): " +
          'their externalTrafficPolicy must be Cluster, or Local with equal selectors',
      ],
    );
  });
});

describe('a Service that cannot keep its address', () => {
  for (const [expected, pools, wish, others = []] of [
    ['no pool has it', [v6], {}],
    ['pool "v4": the Service asks for pool "v6"', [v4, v6], { annotations: asksPool('v6') }],
    [
      'pool "v4": it is not for namespace "ns" (serviceAllocation)',
      [pool('v4', ['192.0.2.10/32'], { serviceAllocation: { namespaces: ['x'] } })],
      {},
    ],
    ['the Service asks for 192.0.2.11', [v4], { annotations: asksFor('192.0.2.11') }],
    ["the Service's ipFamilies are IPv6", [v4], { spec: { ipFamilies: ['IPv6'] } }],
    [
      '192.0.2.10 belongs to Service ns/other, which does not share it (annotation metallb.io/allow-shared-ip)',
      [v4],
      {},
      [other('192.0.2.10')],
    ],
    ['pool "v4" cannot give all that the Service asks for', [v4, both], { spec: requires }],
  ] as const satisfies readonly (readonly [string, IPAddressPool[], Wish, Service[]?])[]) {
    it(`is told that ${expected}`, () => {
      const asked = question([...pools], service('web', { has: ['192.0.2.10'], ...wish }), others);
      assert.equal(whyGivenUp(asked, mustParseIP('192.0.2.10')), expected);
    });
  }
});
