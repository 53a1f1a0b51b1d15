/** Wrong values and forbidden combinations in a Service: 422, every cause with its field, and nothing changed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SERVICES, startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { causesOf, refused } from './asking.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api.close());

type Case = readonly [what: string, spec: object, causes: readonly string[]];
const http = { port: 80 };
const two = [
  { name: 'a', port: 80 },
  { name: 'b', port: 81 },
];
const balanced = { type: 'LoadBalancer', ports: [http] };

const PORTS: readonly Case[] = [
  ['no ports', {}, ['spec.ports Required']],
  ['a port of 0', { ports: [{ port: 0 }] }, ['spec.ports[0].port Invalid', 'spec.ports[0].targetPort Invalid']],
  ['no port at all', { ports: [{ targetPort: 80 }] }, ['spec.ports[0].port Invalid']],
  ['a port over 65535', { ports: [{ port: 65536, targetPort: 1 }] }, ['spec.ports[0].port Invalid']],
  ['a port below 0', { ports: [{ port: -1, targetPort: 1 }] }, ['spec.ports[0].port Invalid']],
  ['a target port over 65535', { ports: [{ ...http, targetPort: 70000 }] }, ['spec.ports[0].targetPort Invalid']],
  [
    'a target name of 16 letters',
    { ports: [{ ...http, targetPort: 'a'.repeat(16) }] },
    ['spec.ports[0].targetPort Invalid'],
  ],
  ['a target name without a letter', { ports: [{ ...http, targetPort: '80' }] }, ['spec.ports[0].targetPort Invalid']],
  [
    'several ports without names',
    { ports: [http, { port: 81 }] },
    ['spec.ports[0].name Required', 'spec.ports[1].name Required'],
  ],
  ['a port name in capitals', { ports: [{ ...http, name: 'HTTP' }] }, ['spec.ports[0].name Invalid']],
  ['a port name of 64 letters', { ports: [{ ...http, name: 'a'.repeat(64) }] }, ['spec.ports[0].name Invalid']],
  [
    'a port name twice',
    {
      ports: [
        { name: 'a', port: 80 },
        { name: 'a', port: 81 },
      ],
    },
    ['spec.ports[1].name Duplicate'],
  ],
  [
    'a port twice',
    {
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 80 },
      ],
    },
    ['spec.ports[1] Duplicate'],
  ],
  ['a protocol that is none', { ports: [{ ...http, protocol: 'ICMP' }] }, ['spec.ports[0].protocol NotSupported']],
  ['a protocol in small letters', { ports: [{ ...http, protocol: 'tcp' }] }, ['spec.ports[0].protocol NotSupported']],
  [
    'an appProtocol that is no name',
    { ports: [{ ...http, appProtocol: 'a b' }] },
    ['spec.ports[0].appProtocol Invalid'],
  ],
  [
    'a node port without a type for it',
    { ports: [{ ...http, nodePort: 30001 }] },
    ['spec.ports[0].nodePort Forbidden'],
  ],
  [
    'a node port outside the range',
    { type: 'NodePort', ports: [{ ...http, nodePort: 80 }] },
    ['spec.ports[0].nodePort Invalid'],
  ],
  [
    'a node port twice for one protocol',
    { type: 'NodePort', ports: two.map((port) => ({ ...port, nodePort: 30001 })) },
    ['spec.ports[1].nodePort Duplicate'],
  ],
];

const TYPES: readonly Case[] = [
  ['a type that is none', { type: 'Internal', ports: [http] }, ['spec.type NotSupported']],
  ['a headless NodePort', { type: 'NodePort', clusterIP: 'None', ports: [http] }, ['spec.clusterIPs[0] Invalid']],
  ['a headless LoadBalancer', { ...balanced, clusterIP: 'None' }, ['spec.clusterIPs[0] Invalid']],
  ['an ExternalName without a name', { type: 'ExternalName' }, ['spec.externalName Required']],
  ['an ExternalName that is an URL', { type: 'ExternalName', externalName: 'http://x' }, ['spec.externalName Invalid']],
  [
    'an ExternalName with a cluster IP',
    { type: 'ExternalName', externalName: 'x.y', clusterIP: '10.96.1.1' },
    ['spec.clusterIPs Forbidden'],
  ],
  [
    'an ExternalName with families',
    { type: 'ExternalName', externalName: 'x.y', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
    ['spec.ipFamilies Forbidden', 'spec.ipFamilyPolicy Forbidden'],
  ],
];

const ADDRESSES: readonly Case[] = [
  ['a cluster IP that is none', { clusterIP: '10.96.0.256', ports: [http] }, ['spec.clusterIPs[0] Invalid']],
  ['a cluster IP outside the range', { clusterIP: '192.0.2.1', ports: [http] }, ['spec.clusterIPs Invalid']],
  [
    'a first cluster IP that is another',
    { clusterIP: '10.96.1.1', clusterIPs: ['10.96.1.2'], ports: [http] },
    ['spec.clusterIPs Invalid'],
  ],
  ['cluster IPs without the first', { clusterIPs: ['10.96.1.2'], ports: [http] }, ['spec.clusterIPs Invalid']],
  [
    'two cluster IPs of one family',
    {
      clusterIP: '10.96.1.1',
      clusterIPs: ['10.96.1.1', '10.96.1.2'],
      ipFamilyPolicy: 'PreferDualStack',
      ports: [http],
    },
    ['spec.clusterIPs Invalid'],
  ],
  [
    'three cluster IPs',
    {
      clusterIP: '10.96.1.1',
      clusterIPs: ['10.96.1.1', 'fd00:10:96::1', '10.96.1.2'],
      ipFamilyPolicy: 'PreferDualStack',
      ports: [http],
    },
    ['spec.clusterIPs Invalid'],
  ],
  [
    'None and an address',
    { clusterIP: 'None', clusterIPs: ['None', '10.96.1.1'], ipFamilyPolicy: 'PreferDualStack', ports: [http] },
    ['spec.clusterIPs Invalid'],
  ],
  [
    'an address of another family than ipFamilies',
    { clusterIP: '10.96.1.1', ipFamilies: ['IPv6'], ports: [http] },
    ['spec.clusterIPs[0] Invalid'],
  ],
  ['a family that is none', { ipFamilies: ['IPv5'], ports: [http] }, ['spec.ipFamilies[0] NotSupported']],
  [
    'a family twice',
    { ipFamilies: ['IPv4', 'IPv4'], ipFamilyPolicy: 'PreferDualStack', ports: [http] },
    ['spec.ipFamilies[1] Duplicate'],
  ],
  [
    'two families and SingleStack',
    { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'SingleStack', ports: [http] },
    ['spec.ipFamilyPolicy Invalid'],
  ],
  [
    'a family policy that is none',
    { ipFamilyPolicy: 'DualStack', ports: [http] },
    ['spec.ipFamilyPolicy NotSupported'],
  ],
  ['an external IP that is none', { externalIPs: ['x'], ports: [http] }, ['spec.externalIPs[0] Invalid']],
  [
    'external IPs that nobody can reach',
    { externalIPs: ['127.0.0.1', '192.0.2.1', '169.254.1.1', '::', 'fe80::1', '224.0.0.5'], ports: [http] },
    [0, 2, 3, 4, 5].map((i) => `spec.externalIPs[${i}] Invalid`),
  ],
];

const POLICIES: readonly Case[] = [
  ['an affinity that is none', { sessionAffinity: 'Cookie', ports: [http] }, ['spec.sessionAffinity NotSupported']],
  ...[0, -1, 86_401].map(
    (timeoutSeconds): Case => [
      `an affinity timeout of ${timeoutSeconds}`,
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } }, ports: [http] },
      ['spec.sessionAffinityConfig.clientIP.timeoutSeconds Invalid'],
    ],
  ),
  [
    'an external policy that is none',
    { type: 'NodePort', externalTrafficPolicy: 'Near', ports: [http] },
    ['spec.externalTrafficPolicy NotSupported'],
  ],
  [
    'an external policy inside',
    { externalTrafficPolicy: 'Local', ports: [http] },
    ['spec.externalTrafficPolicy Invalid'],
  ],
  [
    'an internal policy that is none',
    { internalTrafficPolicy: 'Near', ports: [http] },
    ['spec.internalTrafficPolicy NotSupported'],
  ],
  [
    'a traffic distribution that is none',
    { trafficDistribution: 'PreferFar', ports: [http] },
    ['spec.trafficDistribution NotSupported'],
  ],
  ['a health check port inside', { healthCheckNodePort: 30001, ports: [http] }, ['spec.healthCheckNodePort Invalid']],
  [
    'a health check port and policy Cluster',
    { ...balanced, healthCheckNodePort: 30001 },
    ['spec.healthCheckNodePort Invalid'],
  ],
  [
    'a health check port outside the range',
    { ...balanced, externalTrafficPolicy: 'Local', healthCheckNodePort: 80 },
    ['spec.healthCheckNodePort Invalid'],
  ],
  [
    'a selector with a bad key and value',
    { selector: { 'a b': 'c', d: 'e f' }, ports: [http] },
    ['spec.selector Invalid', 'spec.selector Invalid'],
  ],
];

const BALANCING: readonly Case[] = [
  [
    'source ranges without a load balancer',
    { loadBalancerSourceRanges: ['10.0.0.0/8'], ports: [http] },
    ['spec.LoadBalancerSourceRanges Forbidden'],
  ],
  [
    'a source range that is none',
    { ...balanced, loadBalancerSourceRanges: ['10.0.0.0/33'] },
    ['spec.LoadBalancerSourceRanges[0] Invalid'],
  ],
  [
    'a class without a load balancer',
    { loadBalancerClass: 'a.b/c', ports: [http] },
    ['spec.loadBalancerClass Forbidden'],
  ],
  ['a class that is no name', { ...balanced, loadBalancerClass: 'a b' }, ['spec.loadBalancerClass Invalid']],
  [
    'node ports for no load balancer',
    { allocateLoadBalancerNodePorts: true, ports: [http] },
    ['spec.allocateLoadBalancerNodePorts Forbidden'],
  ],
];

const TABLES = { ports: PORTS, types: TYPES, addresses: ADDRESSES, policies: POLICIES, 'load balancing': BALANCING };
for (const [of, cases] of Object.entries(TABLES)) {
  describe(`${of} of a Service`, () => {
    for (const [what, spec, causes] of cases) {
      test(`${what}: refused`, async () => {
        const reply = await refused(api, 'POST', SERVICES, { body: { metadata: { name: 'bad' }, spec } });
        assert.deepEqual([reply.code, reply.body.reason], [422, 'Invalid'], reply.text);
        assert.deepEqual(causesOf(reply), [...causes].sort(), reply.text);
        assert.match(reply.body.message, /^Service "bad" is invalid: /);
        assert.deepEqual([reply.body.details.name, reply.body.details.kind], ['bad', 'Service']);
        for (const { field, message } of reply.body.details.causes) {
          assert.ok(reply.body.message.includes(`${field}: ${message}`), 'the message tells every cause');
        }
      });
    }
  });
}

describe('metadata of a Service', () => {
  const CASES: readonly (readonly [what: string, metadata: object, causes: readonly string[]])[] = [
    ['no name', {}, ['metadata.name Required']],
    ['a name that begins with a digit', { name: '1a' }, ['metadata.name Invalid']],
    ['a name with a dot', { name: 'a.b' }, ['metadata.name Invalid']],
    ['a name of 64 letters', { name: 'a'.repeat(64) }, ['metadata.name Invalid']],
    ['a label with a bad key', { name: 'bad', labels: { '-a': 'b' } }, ['metadata.labels Invalid']],
    ['a label of 64 letters', { name: 'bad', labels: { a: 'b'.repeat(64) } }, ['metadata.labels Invalid']],
    ['an annotation with a bad key', { name: 'bad', annotations: { 'a b': '' } }, ['metadata.annotations Invalid']],
    ['a finalizer that is no name', { name: 'bad', finalizers: ['a b/c'] }, ['metadata.finalizers Invalid']],
  ];
  for (const [what, metadata, causes] of CASES) {
    test(`${what}: refused`, async () => {
      const reply = await refused(api, 'POST', SERVICES, { body: { metadata, spec: { ports: [http] } } });
      assert.deepEqual([reply.code, causesOf(reply)], [422, causes], reply.text);
    });
  }
});

test('mistakes of every sort are told in one answer', async () => {
  const body = {
    metadata: { name: 'Bad', labels: { 'a b': 'c' } },
    spec: {
      type: 'Internal',
      ports: [
        { port: 0, targetPort: 1, protocol: 'ICMP' },
        { name: 'B', port: 81 },
      ],
      sessionAffinity: 'Cookie',
      externalIPs: ['127.0.0.1'],
    },
  };
  const reply = await refused(api, 'POST', SERVICES, { body });
  assert.equal(reply.code, 422);
  assert.deepEqual(causesOf(reply), [
    'metadata.labels Invalid',
    'metadata.name Invalid',
    'spec.externalIPs[0] Invalid',
    'spec.ports[0].name Required',
    'spec.ports[0].port Invalid',
    'spec.ports[0].protocol NotSupported',
    'spec.ports[1].name Invalid',
    'spec.sessionAffinity NotSupported',
    'spec.type NotSupported',
  ]);
});

test('an address and a port that another holds are refused, and stay where they are', async () => {
  const spec = { type: 'NodePort', clusterIP: '10.96.9.9', ports: [{ port: 80, nodePort: 30909 }] };
  assert.equal((await api.call('POST', SERVICES, { body: { metadata: { name: 'holder' }, spec } })).code, 201);
  const reply = await refused(api, 'POST', SERVICES, { body: { metadata: { name: 'late' }, spec } });
  assert.deepEqual([reply.code, causesOf(reply)], [422, ['spec.clusterIPs Invalid', 'spec.ports[0].nodePort Invalid']]);
});

describe('a change of a Service to something wrong', () => {
  const path = `${SERVICES}/kept`;
  let stored: { metadata: { resourceVersion: string }; spec: object };
  before(async () => {
    const created = await api.call('POST', SERVICES, { body: { metadata: { name: 'kept' }, spec: { ports: [http] } } });
    stored = created.body;
  });

  const patches: readonly (readonly [type: string, body: unknown, query?: string])[] = [
    ['json-patch+json', [{ op: 'replace', path: '/spec/ports/0/port', value: 70000 }]],
    ['merge-patch+json', { spec: { ports: [{ port: 70000, targetPort: 80 }] } }],
    [
      'strategic-merge-patch+json',
      {
        spec: {
          $setElementOrder: undefined,
          ports: [
            { port: 70000, targetPort: 80, name: 'x' },
            { port: 80, $patch: 'delete' },
          ],
        },
      },
    ],
    [
      'apply-patch+yaml',
      { apiVersion: 'v1', kind: 'Service', spec: { type: 'ClusterIP', ports: [{ port: 80, appProtocol: 'a b' }] } },
      '?fieldManager=test&force=true',
    ],
  ];
  for (const [type, body, query = ''] of patches) {
    test(`by ${type} is refused by its field`, async () => {
      const reply = await refused(api, 'PATCH', `${path}${query}`, { body, type: `application/${type}` });
      assert.deepEqual([reply.code, reply.body.reason], [422, 'Invalid'], reply.text);
      assert.match(causesOf(reply).join(), /^spec\.ports\[\d\]\.(port|appProtocol) Invalid$/);
      assert.deepEqual((await api.call('GET', path)).body, stored);
    });
  }

  test('by an update is refused by its field', async () => {
    const body = { ...stored, spec: { ...stored.spec, sessionAffinity: 'Cookie', clusterIP: '10.96.250.1' } };
    const reply = await refused(api, 'PUT', path, { body });
    assert.deepEqual([reply.code, reply.body.reason], [422, 'Invalid'], reply.text);
    assert.deepEqual(causesOf(reply), ['spec.clusterIPs[0] Invalid', 'spec.sessionAffinity NotSupported']);
  });

  test('by an update of an older version is a conflict', async () => {
    const body = { ...stored, metadata: { ...stored.metadata, resourceVersion: '1' } };
    const reply = await refused(api, 'PUT', path, { body });
    assert.deepEqual([reply.code, reply.body.reason], [409, 'Conflict']);
  });

  test('by a create of the same name is told that it exists, unless it is wrong as well', async () => {
    const again = { metadata: { name: 'kept' }, spec: { ports: [http] } };
    const reply = await refused(api, 'POST', SERVICES, { body: again });
    assert.deepEqual([reply.code, reply.body.reason], [409, 'AlreadyExists']);
    const wrong = await refused(api, 'POST', SERVICES, { body: { ...again, spec: {} } });
    assert.deepEqual([wrong.code, causesOf(wrong)], [422, ['spec.ports Required']]);
  });

  test('of its status is refused by its field', async () => {
    const ingress = [{ ip: 'x' }, { ip: '192.0.2.1', ipMode: 'Odd' }, { hostname: '192.0.2.1' }, { ipMode: 'VIP' }];
    await api.call('POST', SERVICES, { body: { metadata: { name: 'lb' }, spec: balanced } });
    const reply = await refused(api, 'PATCH', `${SERVICES}/lb/status`, {
      body: { status: { loadBalancer: { ingress } } },
      type: 'application/merge-patch+json',
    });
    const at = 'status.loadBalancer.ingress';
    assert.deepEqual(
      [reply.code, causesOf(reply)],
      [
        422,
        [
          `${at}[0].ip Invalid`,
          `${at}[1].ipMode NotSupported`,
          `${at}[2].hostname Invalid`,
          `${at}[3].ipMode Forbidden`,
        ],
      ],
    );
  });
});
