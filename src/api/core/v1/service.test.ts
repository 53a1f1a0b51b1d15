import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { Service } from './service.ts';
import { validateService } from './service.validation.ts';

type Spec = NonNullable<Service['spec']>;
const http = { port: 80 };
const service = (spec: object, old?: Service) => admitted(Service, { spec }, old);

describe('a Service that says little', () => {
  test('is a ClusterIP Service whose endpoints listen on the same port', () => {
    assert.deepEqual(service({ ports: [http] }), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a', namespace: 'n' },
      spec: {
        type: 'ClusterIP',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
      },
      status: { loadBalancer: {} },
    });
  });

  const DEFAULTS: readonly [what: string, spec: object, expected: Partial<Spec>][] = [
    [
      'keeps a client for three hours under ClientIP affinity',
      { sessionAffinity: 'ClientIP' },
      { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } },
    ],
    [
      'allocates node ports for a load balancer',
      { type: 'LoadBalancer' },
      { allocateLoadBalancerNodePorts: true, externalTrafficPolicy: 'Cluster' },
    ],
    ['takes external traffic to every endpoint', { type: 'NodePort' }, { externalTrafficPolicy: 'Cluster' }],
    [
      'takes external traffic for external addresses too',
      { externalIPs: ['192.0.2.1'] },
      { externalTrafficPolicy: 'Cluster' },
    ],
    [
      'reads a target port of 0 as none',
      { ports: [{ port: 80, targetPort: 0 }] },
      { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] },
    ],
    [
      'keeps the cluster IP that is asked for in both fields',
      { clusterIP: '10.96.0.9' },
      { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] },
    ],
  ];
  for (const [what, spec, expected] of DEFAULTS) {
    test(what, () => {
      const result: Spec = service({ ports: [http], ...spec }).spec ?? {};
      const found = Object.fromEntries(Object.keys(expected).map((key) => [key, result[key as keyof Spec]]));
      assert.deepEqual(found, expected);
    });
  }

  test('has no traffic policies when it is only a name', () => {
    const { spec } = service({ type: 'ExternalName', externalName: 'example.com' });
    assert.deepEqual(spec, { type: 'ExternalName', externalName: 'example.com', sessionAffinity: 'None' });
  });
});

const STORED: Service = {
  ...service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30000 }] }),
  spec: {
    ...service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30000 }] }).spec,
    clusterIP: '10.96.0.9',
    clusterIPs: ['10.96.0.9', 'fd00:10:96::9'],
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'PreferDualStack',
  },
};

describe('an update of a Service', () => {
  test('keeps the addresses and node ports that it does not mention', () => {
    const { spec } = service({ type: 'NodePort', ports: [{ port: 80 }, { port: 443, name: 'x' }] }, STORED);
    assert.equal(spec?.clusterIP, '10.96.0.9');
    assert.deepEqual(spec?.clusterIPs, ['10.96.0.9', 'fd00:10:96::9']);
    assert.deepEqual(
      spec?.ports?.map(({ nodePort }) => nodePort),
      [30000, undefined],
    );
  });

  test('keeps a node port when the type becomes LoadBalancer', () => {
    assert.equal(service({ ...STORED.spec, type: 'LoadBalancer' }, STORED).spec?.ports?.[0]?.nodePort, 30000);
  });

  test('knows a port again by its name, whatever its number becomes', () => {
    const named = (ports: object[]) => ({ ...STORED.spec, ports });
    const old = service(
      named([
        { name: 'a', port: 80, nodePort: 30001 },
        { name: 'b', port: 81, nodePort: 30002 },
      ]),
      STORED,
    );
    const { spec } = service(
      named([
        { name: 'b', port: 82 },
        { name: 'a', port: 81 },
        { name: 'c', port: 80 },
      ]),
      old,
    );
    assert.deepEqual(
      spec?.ports?.map(({ nodePort }) => nodePort),
      [30002, 30001, undefined],
    );
  });

  test('gives a node port to another name only when its own asks for a different one', () => {
    const { spec } = service(
      { ...STORED.spec, ports: [{ name: 'x', port: 1, nodePort: 30000 }, { port: 80 }] },
      STORED,
    );
    assert.deepEqual(
      spec?.ports?.map(({ nodePort }) => nodePort),
      [30000, undefined],
    );
  });

  test('drops node ports and external policies when the type becomes ClusterIP', () => {
    const changed = { ...STORED.spec, type: 'ClusterIP' };
    const { spec } = service(changed, STORED);
    assert.equal(spec?.ports?.[0]?.nodePort, undefined);
    assert.equal(spec?.externalTrafficPolicy, undefined);
    assert.deepEqual(mistakesOf(Service, { spec: changed }, STORED), []);
  });

  test('drops the addresses when the type becomes ExternalName', () => {
    const changed = { ...STORED.spec, type: 'ExternalName', externalName: 'example.com' };
    const { spec } = service(changed, STORED);
    assert.deepEqual(
      [spec?.clusterIP, spec?.clusterIPs, spec?.ipFamilies, spec?.ipFamilyPolicy],
      Array(4).fill(undefined),
    );
    assert.deepEqual(mistakesOf(Service, { spec: changed }, STORED), []);
  });

  test('gives the second address back when it turns to one family', () => {
    const changed = { ...STORED.spec, ipFamilyPolicy: 'SingleStack' };
    const { spec } = service(changed, STORED);
    assert.deepEqual([spec?.clusterIPs, spec?.ipFamilies], [['10.96.0.9'], ['IPv4']]);
    assert.deepEqual(mistakesOf(Service, { spec: changed }, STORED), []);
  });

  test('may not change the first address', () => {
    const changed = { ...STORED.spec, clusterIP: '10.96.0.10' };
    assert.deepEqual(mistakesOf(Service, { spec: changed }, STORED), [
      `spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be 'SingleStack' to release the secondary cluster IP`,
      'spec.clusterIPs[0]: Invalid value: ["10.96.0.10"]: may not change once set',
    ]);
  });

  test('may not change the first family, nor the class of a load balancer', () => {
    const balanced = service({ ...STORED.spec, type: 'LoadBalancer', loadBalancerClass: 'a/b' });
    const changed = { ...balanced.spec, loadBalancerClass: 'c/d', ipFamilies: ['IPv6', 'IPv4'], clusterIPs: undefined };
    const found = mistakesOf(Service, { spec: changed }, balanced);
    assert.ok(found.includes('spec.ipFamilies[0]: Invalid value: ["IPv6","IPv4"]: may not change once set'));
    assert.ok(found.includes('spec.loadBalancerClass: Invalid value: "c/d": may not change once set'));
  });
});

describe('a Service is refused', () => {
  const CASES: readonly [why: string, spec: object, mistakes: readonly string[]][] = [
    ['without ports', {}, ['spec.ports: Required value']],
    [
      'with a port out of range',
      { ports: [{ port: 0 }] },
      [
        'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
      ],
    ],
    [
      'with several ports of which one has no name',
      { ports: [{ port: 80, name: 'http' }, { port: 443 }] },
      ['spec.ports[1].name: Required value'],
    ],
    [
      'with a name twice',
      {
        ports: [
          { port: 80, name: 'x' },
          { port: 443, name: 'x' },
        ],
      },
      ['spec.ports[1].name: Duplicate value: "x"'],
    ],
    [
      'with a port twice',
      {
        ports: [
          { port: 80, name: 'x' },
          { port: 80, name: 'y' },
        ],
      },
      ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}'],
    ],
    [
      'with a node port twice',
      {
        type: 'NodePort',
        ports: [
          { port: 80, name: 'x', nodePort: 30000 },
          { port: 81, name: 'y', nodePort: 30000 },
        ],
      },
      ['spec.ports[1].nodePort: Duplicate value: 30000'],
    ],
    [
      'with a node port that its type has no use for',
      { ports: [{ port: 80, nodePort: 30000 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      'with a target port name that no container port can have',
      { ports: [{ port: 80, targetPort: 'Web' }] },
      [
        'spec.ports[0].targetPort: Invalid value: "Web": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      ],
    ],
    [
      'as a headless NodePort Service',
      { type: 'NodePort', ports: [http], clusterIP: 'None' },
      ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
    ],
    ['as an ExternalName without a name', { type: 'ExternalName' }, ['spec.externalName: Required value']],
    [
      'as an ExternalName with an address',
      { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.1' },
      ['spec.clusterIPs: Forbidden: may not be set for ExternalName services'],
    ],
    [
      'with an address that is none',
      { ports: [http], clusterIP: '10.96.0.300' },
      [
        'spec.clusterIPs[0]: Invalid value: "10.96.0.300": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      'with an address of another family than it asks for',
      { ports: [http], clusterIP: '10.96.0.3', ipFamilies: ['IPv6'] },
      ['spec.clusterIPs[0]: Invalid value: "10.96.0.3": expected an IPv6 value as indicated by `ipFamilies[0]`'],
    ],
    [
      'with two addresses of one family',
      {
        ports: [http],
        clusterIP: '10.96.0.3',
        clusterIPs: ['10.96.0.3', '10.96.0.4'],
        ipFamilyPolicy: 'PreferDualStack',
      },
      ['spec.clusterIPs: Invalid value: ["10.96.0.3","10.96.0.4"]: may specify no more than one IP for each IP family'],
    ],
    [
      'with one address beside None',
      { ports: [http], clusterIP: 'None', clusterIPs: ['None', '::1'] },
      ['spec.clusterIPs: Invalid value: ["None","::1"]: \'None\' must be the first and only value'],
    ],
    [
      'with a family twice',
      { ports: [http], ipFamilies: ['IPv4', 'IPv4'], ipFamilyPolicy: 'PreferDualStack' },
      ['spec.ipFamilies[1]: Duplicate value: "IPv4"'],
    ],
    [
      'with two families and a policy for one',
      { ports: [http], ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'SingleStack' },
      [
        `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
      ],
    ],
    [
      'with a selector that no label can match',
      { ports: [http], selector: { special: 'k e y' } },
      [
        "spec.selector: Invalid value: \"k e y\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      ],
    ],
    [
      'with an external address that is loopback',
      { ports: [http], externalIPs: ['127.0.0.1'] },
      ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ],
    [
      'with an affinity that lasts too long',
      { ports: [http], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } },
      [
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
      ],
    ],
    [
      'with an external policy and nothing external',
      { ports: [http], externalTrafficPolicy: 'Local' },
      ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ],
    [
      'with source ranges and no load balancer',
      { ports: [http], loadBalancerSourceRanges: ['10.0.0.0/8'] },
      ["spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ],
    [
      'with a source range that is none',
      { type: 'LoadBalancer', ports: [http], loadBalancerSourceRanges: ['10.0.0.0'] },
      [
        'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      ],
    ],
  ];
  for (const [why, spec, expected] of CASES) {
    test(why, () => assert.deepEqual(mistakesOf(Service, { spec }), expected));
  }

  test('with a name that DNS has no room for', () => {
    const [mistake] = mistakesOf(Service, { metadata: { name: '1a' }, spec: { ports: [http] } });
    assert.match(mistake ?? '', /^metadata\.name: Invalid value: "1a": a DNS-1035 label must consist of/);
  });
});

test('affinity that is switched off takes its configuration along', () => {
  const old = service({ ports: [http], sessionAffinity: 'ClientIP' });
  assert.equal(service({ ...old.spec, sessionAffinity: 'None' }, old).spec?.sessionAffinityConfig, undefined);
});

test('source ranges have to be taken away by whoever set them, as on Kubernetes', () => {
  const old = service({ type: 'LoadBalancer', ports: [http], loadBalancerSourceRanges: ['10.0.0.0/8'] });
  assert.deepEqual(mistakesOf(Service, { spec: { ...old.spec, type: 'ClusterIP' } }, old), [
    "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ]);
});

test('a node port that is added with a type that has none is refused, and none is dropped silently', () => {
  const spec = {
    ...STORED.spec,
    type: 'ClusterIP',
    ports: [
      { name: 'a', port: 80, nodePort: 30000 },
      { name: 'b', port: 81, nodePort: 30009 },
    ],
  };
  const why = "Forbidden: may not be used when `type` is 'ClusterIP'";
  assert.deepEqual(mistakesOf(Service, { spec }, STORED), [
    `spec.ports[0].nodePort: ${why}`,
    `spec.ports[1].nodePort: ${why}`,
  ]);
});

test('the Service of the walkthrough, in each of its forms, is right', () => {
  for (const type of ['ClusterIP', 'NodePort', 'LoadBalancer']) {
    const nodePort = type === 'ClusterIP' ? {} : { nodePort: 30000 };
    const ports = [{ protocol: 'TCP', port: 80, targetPort: 9376, ...nodePort }];
    const spec = { type, selector: { special: 'key' }, ports, ipFamilyPolicy: 'PreferDualStack' };
    assert.deepEqual(mistakesOf(Service, { spec }), []);
  }
});

test('a headless Service needs no ports', () => {
  assert.deepEqual(mistakesOf(Service, { spec: { clusterIP: 'None', selector: { a: 'b' } } }), []);
});

test('an address that a load balancer is given is one', () => {
  const balanced = service({ type: 'LoadBalancer', ports: [http] });
  const given = (ingress: object) => {
    const status = { loadBalancer: { ingress: [ingress] } };
    return validateService(Service.defaults({ ...balanced, status }), balanced).map(
      ({ field, message }) => `${field}: ${message}`,
    );
  };
  assert.deepEqual(given({ ip: '192.0.2.10', ipMode: 'VIP' }), []);
  assert.deepEqual(given({ ip: '192.0.2', ipMode: 'Other' }), [
    'status.loadBalancer.ingress[0].ip: Invalid value: "192.0.2": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'status.loadBalancer.ingress[0].ipMode: Unsupported value: "Other": supported values: "Proxy", "VIP"',
  ]);
  assert.deepEqual(given({ ip: '192.0.2.10' }), [], 'VIP is the default');
  assert.deepEqual(given({ hostname: '192.0.2.10', ipMode: 'VIP' }), [
    'status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set',
    'status.loadBalancer.ingress[0].hostname: Invalid value: "192.0.2.10": must be a DNS name, not an IP address',
  ]);
});

test('only a load balancer has ingress, and loses it with its type', () => {
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.10', ipMode: 'VIP' }] } };
  const plain = service({ ports: [http] });
  assert.deepEqual(
    validateService({ ...plain, status }, plain).map(({ field, message }) => `${field}: ${message}`),
    ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  );
  const balanced = { ...service({ type: 'LoadBalancer', ports: [http] }), status };
  const { spec = {} } = service({ ports: [http] });
  assert.deepEqual(Service.prepare(Service.defaults({ ...balanced, spec }), balanced).status, { loadBalancer: {} });
});

test('the port of a health check is kept while it is needed', () => {
  const local = { type: 'LoadBalancer', ports: [http], externalTrafficPolicy: 'Local' };
  const old = service({ ...local, healthCheckNodePort: 31_000 });
  assert.equal(service(local, old).spec?.healthCheckNodePort, 31_000);
  const open = { ...old.spec, externalTrafficPolicy: 'Cluster' };
  assert.equal(service(open, old).spec?.healthCheckNodePort, undefined);
  assert.deepEqual(mistakesOf(Service, { spec: open }, old), []);
  assert.deepEqual(mistakesOf(Service, { spec: { ...old.spec, healthCheckNodePort: 31_001 } }, old), [
    'spec.healthCheckNodePort: Forbidden: field is immutable',
  ]);
});

test('the port of a health check is none of the ports of the Service', () => {
  const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 31_000 }] };
  assert.deepEqual(mistakesOf(Service, { spec: { ...spec, healthCheckNodePort: 31_000 } }), [
    'spec.healthCheckNodePort: Invalid value: 31000: provided port is already allocated',
  ]);
});
