import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node } from '../../../../api/core/v1/node.ts';
import { node } from '../../testing.ts';
import { type LoadBalancerRequest, requestOf } from '../request.ts';
import { desiredLoadBalancer, type Surroundings } from './desired.ts';
import { ingressOf } from './status.ts';
import { chooseSubnets, placeOf } from './subnets.ts';
import { ociService } from './testing.ts';

const BOTH = { subnets: ['s'], families: ['IPv4', 'IPv6'] } as const;
const ONLY4 = { subnets: ['s'], families: ['IPv4'] } as const;
const DUAL = { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' } as const;

function request(...[type, spec, annotations]: Parameters<typeof ociService>): LoadBalancerRequest {
  const subnet1 = 'ocid1.subnet.oc1.xx-test-1.a';
  const loadBalancer = { disabled: false, subnet1, subnet2: undefined, securityListManagementMode: 'All' as const };
  const defaults = { loadBalancer: { ...loadBalancer, securityLists: {} }, tags: { freeform: {}, defined: {} } };
  const requested = requestOf(ociService(type, spec, annotations), defaults, 'test');
  return requested.kind === 'request' ? requested.request : assert.fail(requested.why);
}

function desired(asked: LoadBalancerRequest, nodes: readonly Node[], place: Surroundings['place'] = ONLY4) {
  const made = desiredLoadBalancer(asked, { place, nodes });
  return made.kind === 'desired' ? made : assert.fail(made.why);
}

function withAddresses(name: string, ...addresses: readonly (readonly [string, string])[]): Node {
  const made = node(name, '10.0.0.1');
  return { ...made, status: { ...made.status, addresses: addresses.map(([type, address]) => ({ type, address })) } };
}

describe('backends', () => {
  test('are the nodes that the Service selects, at its node port', () => {
    const asked = request('lb', {}, { 'oci.oraclecloud.com/node-label-selector': 'pool=edge' });
    const edge = node('edge', '10.0.0.2', { labels: { pool: 'edge' } });
    const { loadBalancer } = desired(asked, [node('other', '10.0.0.1'), edge]);
    assert.deepEqual(loadBalancer.backendSets[0]?.backends, [{ address: '10.0.0.2', port: 30080 }]);
    const { warnings } = desired(asked, [node('other', '10.0.0.1')]);
    assert.deepEqual(warnings, ['no node has the labels that the Service asks of its nodes']);
  });

  test('are in the same order whatever order nodes come in', () => {
    const nodes = [node('a', '10.0.0.2'), node('b', '10.0.0.10'), node('c', '10.0.0.1')];
    assert.deepEqual(desired(request('lb'), nodes), desired(request('lb'), nodes.toReversed()));
  });

  test('of IPv6 are internal addresses, or where there are none external ones', () => {
    const nodes = [
      withAddresses('a', ['InternalIP', '10.0.0.1'], ['ExternalIP', '2001:db8::a']),
      withAddresses('b', ['ExternalIP', '2001:db8::b'], ['InternalIP', 'fd00::b'], ['InternalIP', '10.0.0.2']),
    ];
    const { loadBalancer } = desired(request('nlb', DUAL), nodes, BOTH);
    const [, six] = loadBalancer.backendSets;
    assert.deepEqual(
      six?.backends.map(({ address }) => address),
      ['2001:db8::a', 'fd00::b'],
    );
  });

  test('that there are too many of are told, and so are nodes without an address of a family', () => {
    const many = Array.from({ length: 513 }, (_, i) => node(`n${i}`, `10.0.${i >> 8}.${i & 255}`));
    const crowd = desired(request('lb'), many);
    assert.equal(crowd.loadBalancer.backendSets[0]?.backends.length, 512);
    assert.deepEqual(crowd.warnings, ['only 512 of 513 nodes are backends: OCI takes no more']);
    const { warnings } = desired(request('nlb', DUAL), [node('a', '10.0.0.1')], BOTH);
    assert.deepEqual(warnings, ['1 nodes have no IPv6 address, such as a']);
  });
});

describe('families', () => {
  test('have listeners and backend sets of their own on a network load balancer', () => {
    const { loadBalancer, families } = desired(request('nlb', DUAL), [], BOTH);
    assert.deepEqual(
      loadBalancer.listeners.map(({ name, backendSet, family }) => [name, backendSet, family]),
      [
        ['TCP-80', 'TCP-80', 'IPv4'],
        ['TCP-80-IPv6', 'TCP-80-IPv6', 'IPv6'],
      ],
    );
    assert.deepEqual([loadBalancer.ipVersion, families], ['IPV4_AND_IPV6', ['IPv4', 'IPv6']]);
  });

  test('of nodes are IPv4 behind a load balancer, which speaks both to clients', () => {
    const { loadBalancer } = desired(request('lb', DUAL), [], BOTH);
    assert.deepEqual(
      [loadBalancer.ipVersion, loadBalancer.listeners.map(({ name }) => name)],
      ['IPV4_AND_IPV6', ['TCP-80']],
    );
  });

  test('that the subnet has not are done without, where one is better than none', () => {
    const { loadBalancer } = desired(request('nlb', DUAL), [], ONLY4);
    assert.equal(loadBalancer.ipVersion, 'IPV4');
    const must = { ...DUAL, ipFamilyPolicy: 'RequireDualStack' } as const;
    const refused = desiredLoadBalancer(request('nlb', must), { place: ONLY4, nodes: [] });
    assert.partialDeepStrictEqual(refused, { kind: 'refused', reason: 'FamilyNotAvailable' });
    assert.match(refused.kind === 'refused' ? refused.why : '', /the subnet s has no IPv6 prefix/);
  });

  test('of a load balancer are never IPv6 alone', () => {
    const six = { ipFamilies: ['IPv6'] } as const;
    const refused = desiredLoadBalancer(request('lb', { ...six }), { place: BOTH, nodes: [] });
    assert.match(refused.kind === 'refused' ? refused.why : '', /no IPv6 alone: annotate/);
    const { loadBalancer } = desired(request('nlb', { ...six }), [], BOTH);
    assert.deepEqual([loadBalancer.ipVersion, loadBalancer.listeners[0]?.name], ['IPV6', 'TCP-80-IPv6']);
  });
});

describe('subnets', () => {
  type Facts = Parameters<typeof chooseSubnets>[1][number];
  const regional = (id: string): Facts => ({ id, regional: true, families: ['IPv4'] });
  const local = (id: string): Facts => ({ id, regional: false, families: ['IPv4', 'IPv6'] });
  const asked = (annotated: readonly boolean[], internal = false) => ({
    type: 'lb' as const,
    internal,
    subnets: annotated.map((one, i) => ({ id: 'ab'[i] ?? '', annotated: one })),
  });
  const cases: readonly (readonly [string, Parameters<typeof chooseSubnets>[0], readonly Facts[], string[]])[] = [
    ['a regional one goes alone', asked([false, false]), [regional('a'), local('b')], ['a']],
    ['two of availability domains go together', asked([true, true]), [local('a'), local('b')], ['a', 'b']],
    ['within, the first does', asked([true, true], true), [local('a'), local('b')], ['a']],
    ['one that the Service names comes first', asked([false, true]), [regional('a'), regional('b')], ['b']],
    ['a network load balancer has one', { ...asked([true, true]), type: 'nlb' }, [local('a'), local('b')], ['a']],
  ];
  for (const [name, wanted, facts, subnets] of cases) {
    test(name, () => assert.deepEqual(chooseSubnets(wanted, facts).subnets, subnets));
  }

  test('have the families that all of them have', () => {
    assert.deepEqual(placeOf(['a', 'b'], [regional('a'), local('b')]).families, ['IPv4']);
    assert.deepEqual(placeOf(['b'], [local('b')]).families, ['IPv4', 'IPv6']);
  });
});

test('a Service is told public addresses first, in the order of its families, with their mode', () => {
  const addresses = [
    { address: '10.0.0.1', isPublic: false, isReserved: false },
    { address: '2001:db8::1', isPublic: true, isReserved: false },
    { address: '192.0.2.1', isPublic: true, isReserved: true },
  ];
  const asked = { families: ['IPv4', 'IPv6'], externalOnly: false, ipMode: 'Proxy' } as const;
  assert.deepEqual(ingressOf(asked, { addresses }), [
    { ip: '192.0.2.1', ipMode: 'Proxy' },
    { ip: '2001:db8::1', ipMode: 'Proxy' },
    { ip: '10.0.0.1', ipMode: 'Proxy' },
  ]);
  assert.deepEqual(ingressOf({ families: ['IPv6'], externalOnly: true }, { addresses }), [
    { ip: '2001:db8::1' },
    { ip: '192.0.2.1' },
  ]);
});
