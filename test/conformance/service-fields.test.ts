/** What each field of a Service may be, what it is when it is left out, and how its cluster IPs are given. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Json,
  type Reply,
  SERVICES,
  service,
  startTestServer,
  type TestServer,
} from '../../src/apiserver/testing/server.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());

let count = 0;
const create = (spec: object = {}) => api.call('POST', SERVICES, { body: service(`s${count++}`, spec) });
const patch = (name: string, spec: object) =>
  api.call('PATCH', `${SERVICES}/${name}`, { body: { spec }, type: 'application/merge-patch+json' });
const causes = ({ code, body }: Reply) => [
  code,
  ...(body.details?.causes ?? []).map(({ field, reason, message }: Json) => `${field} ${reason}: ${message}`),
];
/** The fields that `expected` names. */
const part = (spec: Json, expected: object) =>
  Object.fromEntries(Object.keys(expected).map((field) => [field, spec[field]]));

const port = (more: object) => ({ ports: [{ port: 80, ...more }] });
const lb = { type: 'LoadBalancer' };

describe('what is left out is', () => {
  const DEFAULTS: readonly [what: string, spec: object, expected: object][] = [
    [
      'type ClusterIP, no affinity, the policies Cluster and SingleStack',
      {},
      {
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: undefined,
        ipFamilyPolicy: 'SingleStack',
      },
    ],
    ['protocol TCP and a target port like the port', {}, port({ protocol: 'TCP', targetPort: 80 })],
    [
      'three hours of affinity',
      { sessionAffinity: 'ClientIP' },
      { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } },
    ],
    [
      'no affinity configuration without affinity',
      { sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } },
      { sessionAffinityConfig: undefined },
    ],
    ['external policy Cluster for node ports', { type: 'NodePort' }, { externalTrafficPolicy: 'Cluster' }],
    [
      'external policy Cluster for external addresses',
      { externalIPs: ['192.0.2.7'] },
      { externalTrafficPolicy: 'Cluster' },
    ],
    ['node ports for a load balancer', lb, { allocateLoadBalancerNodePorts: true, externalTrafficPolicy: 'Cluster' }],
    [
      'no policies for a mere name',
      { type: 'ExternalName', externalName: 'a.b' },
      {
        internalTrafficPolicy: undefined,
        externalTrafficPolicy: undefined,
        clusterIP: undefined,
        ipFamilies: undefined,
      },
    ],
  ];
  for (const [what, spec, expected] of DEFAULTS) {
    test(what, async () => {
      const { code, body, text } = await create(spec);
      assert.equal(code, 201, text);
      const found = part(body.spec, expected);
      for (const entry of found['ports'] ?? []) delete entry.nodePort;
      assert.deepEqual(found, expected);
    });
  }
});

describe('is taken and kept as it is:', () => {
  const KEPT: readonly [what: string, spec: object][] = [
    [
      'protocols UDP and SCTP on one port with TCP',
      {
        ports: ['TCP', 'UDP', 'SCTP'].map((protocol) => ({
          name: protocol.toLowerCase(),
          port: 80,
          protocol,
          targetPort: 80,
        })),
      },
    ],
    ['a target port by name', port({ targetPort: 'http-alt', protocol: 'TCP' })],
    [
      'appProtocol, with a domain and without',
      {
        ports: [
          { name: 'a', port: 1, appProtocol: 'https' },
          { name: 'b', port: 2, appProtocol: 'kubernetes.io/h2c' },
        ].map((each) => ({ ...each, protocol: 'TCP', targetPort: each.port })),
      },
    ],
    [
      'affinity of a second',
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } },
    ],
    [
      'affinity of a day',
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_400 } } },
    ],
    ['both policies Local', { type: 'NodePort', externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' }],
    ['trafficDistribution PreferClose', { trafficDistribution: 'PreferClose' }],
    ['trafficDistribution PreferSameZone', { trafficDistribution: 'PreferSameZone' }],
    ['trafficDistribution PreferSameNode', { trafficDistribution: 'PreferSameNode' }],
    ['loadBalancerIP', { ...lb, loadBalancerIP: '192.0.2.10' }],
    ['loadBalancerClass', { ...lb, loadBalancerClass: 'example.com/x' }],
    [
      'loadBalancerSourceRanges of both families',
      { ...lb, loadBalancerSourceRanges: ['192.0.2.0/24', ' 2001:db8::/32 '] },
    ],
    ['externalIPs of both families', { externalIPs: ['192.0.2.9', '2001:db8::9'] }],
    ['externalName with its last dot', { type: 'ExternalName', externalName: 'www.example.com.' }],
    ['publishNotReadyAddresses', { publishNotReadyAddresses: true }],
    ['a selector', { selector: { 'example.com/app': 'web', tier: '' } }],
    ['no ports, when it is headless', { clusterIP: 'None', ports: undefined }],
  ];
  for (const [what, spec] of KEPT) {
    test(what, async () => {
      const { code, body, text } = await create(spec);
      assert.equal(code, 201, text);
      assert.deepEqual(part(body.spec, spec), spec);
    });
  }
});

describe('a cluster IP', () => {
  test('comes from the upper band first', async () => {
    for (let i = 0; i < 30; i++) {
      const [, , third, fourth] = (await create()).body.spec.clusterIP.split('.').map(Number);
      assert.ok(third * 256 + fourth > 256, 'the lowest 256 of a /16 are for those who ask');
    }
  });

  for (const clusterIP of ['10.96.0.2', '10.96.200.1', '10.96.255.254', 'fd00:10:96::2', 'fd00:10:96::ffff']) {
    test(`can be ${clusterIP} for whoever asks`, async () => {
      const { code, body, text } = await create({ clusterIP });
      assert.equal(code, 201, text);
      assert.deepEqual([body.spec.clusterIP, body.spec.clusterIPs], [clusterIP, [clusterIP]]);
    });
  }

  for (const [clusterIP, why] of [
    [
      '10.96.0.0',
      /the provided IP \(10\.96\.0\.0\) is not in the valid range\. The range of valid IPs is 10\.96\.0\.0\/16/,
    ],
    ['10.96.255.255', /is not in the valid range/],
    ['10.97.0.1', /the provided network does not match the current range/],
    ['10.96.0.1', /provided IP is already allocated/],
  ] as const) {
    test(`cannot be ${clusterIP}`, async () => {
      const [code, cause] = causes(await create({ clusterIP }));
      assert.equal(code, 422);
      assert.match(cause, /^spec\.clusterIPs FieldValueInvalid: .*failed to allocate IP/);
      assert.match(cause, why);
    });
  }

  test('stands in clusterIP and clusterIPs, and the two may not contradict each other', async () => {
    assert.deepEqual(causes(await create({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.10'] })), [
      422,
      'spec.clusterIPs FieldValueInvalid: Invalid value: ["10.96.0.10"]: first value must match `clusterIP`',
    ]);
    assert.deepEqual(causes(await create({ clusterIPs: ['10.96.0.10'] })), [
      422,
      'spec.clusterIPs FieldValueInvalid: Invalid value: ["10.96.0.10"]: must be empty when `clusterIP` is not specified',
    ]);
  });

  test('stays when the field is emptied or left out, and cannot be changed', async () => {
    const { body } = await create();
    const { clusterIP } = body.spec;
    for (const change of [{ clusterIP: '' }, { clusterIP: null }, { clusterIP: null, clusterIPs: null }]) {
      const changed = await patch(body.metadata.name, change);
      assert.deepEqual([changed.code, changed.body.spec?.clusterIP], [200, clusterIP], changed.text);
    }
    for (const change of ['10.96.3.3', 'None']) {
      assert.deepEqual(causes(await patch(body.metadata.name, { clusterIP: change })), [
        422,
        `spec.clusterIPs[0] FieldValueInvalid: Invalid value: ["${change}"]: may not change once set`,
      ]);
    }
  });

  test('is told of with all else that is wrong, in one answer', async () => {
    const spec = { type: 'NodePort', clusterIP: '10.97.0.1', ports: [{ port: 80, nodePort: 80 }] };
    const [code, ...found] = causes(await create(spec));
    assert.equal(code, 422);
    assert.deepEqual(
      found.map((cause: string) => cause.split(' ')[0]),
      ['spec.clusterIPs', 'spec.ports[0].nodePort'],
    );
  });
});

describe('the status of a Service', () => {
  const status = async (spec: object, status: object) => {
    const { body } = await create(spec);
    return api.call('PUT', `${SERVICES}/${body.metadata.name}/status`, { body: { ...body, status } });
  };
  const ingress = (...points: object[]) => ({ loadBalancer: { ingress: points } });

  test('is not written with the Service', async () => {
    const { body } = await api.call('POST', SERVICES, {
      body: { ...service(`s${count++}`, lb), status: ingress({ ip: '192.0.2.1' }) },
    });
    assert.deepEqual(body.status, { loadBalancer: {} });
  });

  test('holds ingress with ipMode and ports, and conditions; VIP is the default mode', async () => {
    const ports = [{ port: 80, protocol: 'TCP', error: 'example.com/Broken' }];
    const conditions = [
      {
        type: 'example.com/Ready',
        status: 'True',
        reason: 'R',
        message: 'm',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ];
    const points = [{ ip: '192.0.2.1', ports }, { ip: '2001:db8::1', ipMode: 'Proxy' }, { hostname: 'lb.example.com' }];
    const { code, body, text } = await status(lb, { ...ingress(...points), conditions });
    assert.equal(code, 200, text);
    assert.deepEqual(body.status.loadBalancer.ingress, [{ ip: '192.0.2.1', ports, ipMode: 'VIP' }, ...points.slice(1)]);
    assert.deepEqual(body.status.conditions, conditions);
  });

  for (const [what, spec, point, field] of [
    ['an address that is none', lb, { ip: 'x', ipMode: 'VIP' }, 'status.loadBalancer.ingress[0].ip FieldValueInvalid'],
    [
      'an unknown mode',
      lb,
      { ip: '192.0.2.1', ipMode: 'X' },
      'status.loadBalancer.ingress[0].ipMode FieldValueNotSupported',
    ],
    [
      'a mode without an address',
      lb,
      { hostname: 'a.b', ipMode: 'VIP' },
      'status.loadBalancer.ingress[0].ipMode FieldValueForbidden',
    ],
    [
      'a host name that is an address',
      lb,
      { hostname: '192.0.2.1' },
      'status.loadBalancer.ingress[0].hostname FieldValueInvalid',
    ],
    ['ingress of what is no load balancer', {}, { ip: '192.0.2.1' }, 'status.loadBalancer.ingress FieldValueForbidden'],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const [code, cause] = causes(await status(spec, ingress(point)));
      assert.deepEqual([code, cause.split(':')[0]], [422, field]);
    });
  }

  test('is shown by kubectl get: the addresses of a load balancer in order, then the external IPs', async () => {
    const points = [{ ip: '2001:db8::1' }, { ip: '192.0.2.1' }, { hostname: 'lb.example.com' }, { ip: '192.0.2.1' }];
    const { body } = await status({ ...lb, externalIPs: ['192.0.2.99'] }, ingress(...points));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const table = await api.call('GET', `${SERVICES}/${body.metadata.name}`, { headers: { accept } });
    assert.equal(table.body.rows[0].cells[3], '192.0.2.1,2001:db8::1,lb.example.com,192.0.2.99');
  });

  test('loses its ingress when the Service is a load balancer no more', async () => {
    const { body } = await status(lb, ingress({ ip: '192.0.2.1' }));
    assert.equal(body.status.loadBalancer.ingress.length, 1);
    const changed = await patch(body.metadata.name, { type: 'ClusterIP' });
    assert.deepEqual([changed.code, changed.body.status], [200, { loadBalancer: {} }], changed.text);
  });
});

test('the class of a load balancer is set when it becomes one, and then stays', async () => {
  const { body } = await create();
  const { name } = body.metadata;
  assert.equal((await patch(name, { ...lb, loadBalancerClass: 'a.example/x' })).code, 200);
  assert.deepEqual(causes(await patch(name, { loadBalancerClass: 'a.example/y' })), [
    422,
    'spec.loadBalancerClass FieldValueInvalid: Invalid value: "a.example/y": may not change once set',
  ]);
  const plain = await patch(name, { type: 'ClusterIP' });
  assert.equal(plain.body.spec.loadBalancerClass, undefined, 'it goes with the type');
});

describe('a field without effect is accepted with a warning:', () => {
  const affinity = { sessionAffinity: 'ClientIP' };
  for (const [warning, spec] of [
    ['spec.SessionAffinity is ignored for headless services', { clusterIP: 'None', ...affinity }],
    ['spec.externalIPs is ignored for headless services', { clusterIP: 'None', externalIPs: ['192.0.2.1'] }],
    ['spec.loadBalancerIP is ignored for headless services', { clusterIP: 'None', loadBalancerIP: '192.0.2.1' }],
    [
      'spec.externalIPs is ignored when spec.type is "ExternalName"',
      { type: 'ExternalName', externalName: 'a.b', externalIPs: ['192.0.2.1'] },
    ],
    ['spec.externalName is ignored when spec.type is not "ExternalName"', { externalName: 'a.b' }],
  ] as const) {
    test(warning, async () => {
      const { code, headers, body } = await create(spec);
      assert.deepEqual([code, headers['warning']], [201, `299 - ${JSON.stringify(warning)}`]);
      const label = { metadata: { labels: { a: 'b' } } };
      const path = `${SERVICES}/${body.metadata.name}`;
      const patched = await api.call('PATCH', path, { body: label, type: 'application/merge-patch+json' });
      assert.equal(patched.headers['warning'], `299 - ${JSON.stringify(warning)}`);
      assert.equal((await api.call('GET', path)).headers['warning'], undefined);
    });
  }

  test('and a Service that has none is answered without', async () => {
    assert.equal((await create(affinity)).headers['warning'], undefined);
  });
});
