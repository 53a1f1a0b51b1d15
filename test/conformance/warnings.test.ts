/** What is accepted although it is not good: it is kept as it was written, and answered with an API server's warning. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Endpoints } from '../../src/api/core/v1/endpoints.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { AnyKind } from '../../src/api/kinds.ts';
import { type Reply, startTestServer, type TestServer } from '../../src/apiserver/testing/server.ts';
import { resourcePath } from '../../src/client/resource-path.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());

let count = 0;
const create = (
  kind: AnyKind,
  { metadata, ...body }: { readonly metadata?: object; readonly [field: string]: unknown },
) =>
  api.call('POST', resourcePath(kind, { namespace: 'default' }), {
    body: { ...body, metadata: { name: `s${count++}`, ...metadata } },
  });
/** Several warnings come as one header whose values stand behind one another. */
const warningsOf = ({ headers }: Reply) =>
  [...`${headers['warning'] ?? ''}`.matchAll(/299 - ("(?:[^"\\]|\\.)*")/g)].map(([, text = '']) => JSON.parse(text));

type Case = readonly [
  what: string,
  kind: AnyKind,
  body: { readonly [field: string]: unknown; readonly metadata?: object },
  ...warnings: string[],
];
const ports = [{ port: 80 }];
const spec = (fields: object) => ({ spec: { ports, ...fields } });
const hints = { 'service.kubernetes.io/topology-aware-hints': 'Auto' };
const slice = (addressType: string, ...addresses: string[]) => ({ addressType, endpoints: [{ addresses }] });

const CASES: readonly Case[] = [
  [
    'a cluster IP of IPv6',
    Service,
    spec({ clusterIP: 'FD00:10:96::00AB' }),
    'spec.clusterIPs[0]: IPv6 address "FD00:10:96::00AB" should be in RFC 5952 canonical format ("fd00:10:96::ab")',
  ],
  [
    'an external IP of IPv6',
    Service,
    spec({ externalIPs: ['192.0.2.1', '2001:db8:0::1'] }),
    'spec.externalIPs[1]: IPv6 address "2001:db8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")',
  ],
  [
    'the address that a load balancer asks for',
    Service,
    spec({ type: 'LoadBalancer', loadBalancerIP: '192.0.2.010' }),
    'spec.loadBalancerIP: non-standard IP address "192.0.2.010" will be considered invalid in a future Kubernetes release: use "192.0.2.10"',
  ],
  [
    'source ranges with bits after their prefix, and in capitals',
    Service,
    spec({ type: 'LoadBalancer', loadBalancerSourceRanges: ['10.1.2.3/8', '2001:DB8::/32', '2001:db8::1/32'] }),
    'spec.loadBalancerSourceRanges[0]: CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.1.2.3/32"?)',
    'spec.loadBalancerSourceRanges[1]: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")',
    'spec.loadBalancerSourceRanges[2]: CIDR value "2001:db8::1/32" is ambiguous in this context (should be "2001:db8::/32" or "2001:db8::1/128"?)',
  ],
  [
    'the old name of an annotation',
    Service,
    { metadata: { annotations: hints }, ...spec({}) },
    'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
  ],
  [
    'endpoints of IPv6',
    EndpointSlice,
    slice('IPv6', 'fd00::1', 'FD00::2'),
    'endpoints[0].addresses[1]: IPv6 address "FD00::2" should be in RFC 5952 canonical format ("fd00::2")',
  ],
  [
    'endpoints by name',
    EndpointSlice,
    slice('FQDN', 'www.example.com.'),
    'spec.addressType: FQDN endpoints are deprecated',
  ],
  [
    'Endpoints of IPv6',
    Endpoints,
    { subsets: [{ addresses: [{ ip: 'fd00::1' }], notReadyAddresses: [{ ip: 'FD00::2' }] }] },
    'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    'subsets[0].notReadyAddresses[0].ip: IPv6 address "FD00::2" should be in RFC 5952 canonical format ("fd00::2")',
  ],
];

describe('is accepted with a warning:', () => {
  for (const [what, kind, body, ...warnings] of CASES) {
    test(what, async () => {
      const reply = await create(kind, body);
      assert.equal(reply.code, 201, reply.text);
      assert.deepEqual(warningsOf(reply), warnings);
      const { spec: given = {} } = body as { readonly spec?: object };
      for (const [field, value] of Object.entries(given)) {
        if (field !== 'ports') assert.deepEqual(reply.body.spec[field], value, 'it is kept as it was written');
      }
    });
  }

  test('and what is written in its one form is answered without', async () => {
    for (const [kind, body] of [
      [Service, spec({ clusterIP: 'fd00:10:96::ac', externalIPs: ['192.0.2.1'] })],
      [EndpointSlice, slice('IPv6', 'fd00::1')],
    ] as const) {
      const reply = await create(kind, body);
      assert.deepEqual([reply.code, warningsOf(reply)], [201, []]);
    }
  });
});

test('an address has one holder, in whatever form it is written', async () => {
  assert.equal((await create(Service, spec({ clusterIP: 'fd00:10:96::ad' }))).code, 201);
  const reply = await create(Service, spec({ clusterIP: 'FD00:10:96:0::AD' }));
  assert.equal(reply.code, 422);
  assert.match(reply.body.message, /provided IP is already allocated/);
});

test('a slice without endpoints is an empty one', async () => {
  for (const body of [{ addressType: 'IPv4' }, { addressType: 'IPv4', endpoints: null }]) {
    const reply = await create(EndpointSlice, body);
    assert.deepEqual([reply.code, reply.body.endpoints], [201, []], reply.text);
  }
});

test('the topology that nodeName and zone took the place of is dropped from slices', async () => {
  const deprecatedTopology = { 'kubernetes.io/hostname': 'n1' };
  const endpoints = [{ addresses: ['192.0.2.1'], zone: 'z', deprecatedTopology }];
  const reply = await create(EndpointSlice, { addressType: 'IPv4', endpoints });
  assert.deepEqual([reply.code, reply.body.endpoints], [201, [{ addresses: ['192.0.2.1'], zone: 'z' }]], reply.text);
});
