import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Service } from '../../../api/core/v1/service.ts';
import { ociService } from './load-balancer/testing.ts';
import { ANNOTATIONS } from './request/annotations.ts';
import { type LoadBalancerRequest, type LoadBalancerType, type RequestDefaults, requestOf, typeOf } from './request.ts';

const { lb: LB, nlb: NLB } = ANNOTATIONS;
const SUBNETS = ['a', 'b', 'c'].map((name) => `ocid1.subnet.oc1.xx-test-1.${name}`);
const GROUP = 'ocid1.networksecuritygroup.oc1.xx-test-1.g';
const [SUBNET_A = '', SUBNET_B = '', SUBNET_C = ''] = SUBNETS;

const DEFAULTS: RequestDefaults = {
  loadBalancer: {
    disabled: false,
    subnet1: SUBNET_A,
    subnet2: undefined,
    securityListManagementMode: 'Frontend',
    securityLists: {},
  },
  tags: { freeform: { team: 'net' }, defined: { costs: { centre: '7' } } },
};

function request(service: Service, defaults = DEFAULTS): LoadBalancerRequest {
  const requested = requestOf(service, defaults, 'test');
  assert.equal(requested.kind, 'request', requested.kind === 'refused' ? requested.why : '');
  return requested.kind === 'request' ? requested.request : assert.fail();
}

function refusal(service: Service, defaults = DEFAULTS): string {
  const requested = requestOf(service, defaults, 'test');
  return requested.kind === 'refused' ? requested.why : assert.fail('it is not refused');
}

describe('a load balancer that a Service says nothing of', () => {
  test('is made as OCI’s controller makes it', () => {
    const { tags, ...asked } = request(ociService('lb'));
    assert.deepEqual(asked, {
      type: 'lb',
      namespace: 'ns',
      service: 'web',
      uid: '5f1c2a58-0000-4000-8000-000000000001',
      name: '5f1c2a58-0000-4000-8000-000000000001',
      internal: false,
      subnets: [{ id: SUBNET_A, annotated: false }],
      families: ['IPv4'],
      partial: false,
      assignedAddresses: {},
      ports: [{ name: 'TCP-80', listener: 'TCP-80', protocol: 'TCP', transports: ['TCP'], port: 80, nodePort: 30080 }],
      health: { path: '/healthz', port: 10256, retries: 3, timeout: 3000, interval: 10_000 },
      policy: 'ROUND_ROBIN',
      preserveSource: false,
      security: { mode: 'Frontend', sources: [], networkSecurityGroups: [], backendNetworkSecurityGroups: [] },
      nodeSelector: [],
      externalOnly: false,
      warnings: [],
    });
    assert.deepEqual(tags.defined, { costs: { centre: '7' } });
    assert.deepEqual(tags.freeform, {
      team: 'net',
      'postern.dev/cluster': 'test',
      'postern.dev/service': 'ns/web',
      'postern.dev/service-uid': '5f1c2a58-0000-4000-8000-000000000001',
    });
  });

  test('spreads by five values and keeps no rules as a network load balancer', () => {
    const { policy, security, preserveSource, health } = request(ociService('nlb'));
    assert.deepEqual([policy, security.mode, preserveSource], ['FIVE_TUPLE', 'None', false]);
    assert.equal(health.interval, 10_000);
  });
});

test('the annotation says which type it is, and without it the class', () => {
  const bare = ociService('lb', {}, { [ANNOTATIONS.type]: '' });
  const network = { ...bare.spec, loadBalancerClass: 'oci.oraclecloud.com/network-load-balancer' };
  assert.equal(typeOf(bare), 'lb');
  assert.equal(typeOf({ ...bare, spec: network }), 'nlb');
  assert.equal(typeOf(ociService('lb', network)), 'lb');
  assert.equal(typeOf(ociService('lb', {}, { [ANNOTATIONS.type]: 'NLB' })), 'nlb');
  assert.equal(typeOf(ociService('lb', network, { [ANNOTATIONS.type]: 'other' })), 'lb');
});

describe('annotations', () => {
  const RULES = ANNOTATIONS.securityRuleManagementMode;
  const cases: readonly (readonly [string, LoadBalancerType, Record<string, string>, object])[] = [
    ['internal', 'lb', { [LB.internal]: 'T' }, { internal: true }],
    ['internal, of the other type', 'nlb', { [NLB.internal]: 'true' }, { internal: true }],
    ['a fixed shape', 'lb', { [LB.shape]: '400Mbps' }, { shape: { name: '400Mbps' } }],
    [
      'a flexible shape, within its bounds',
      'lb',
      { [LB.shape]: 'Flexible', [LB.shapeMin]: '1Mbps', [LB.shapeMax]: '100000' },
      { shape: { name: 'flexible', minimum: 10, maximum: 8000 } },
    ],
    [
      'a flexible shape with the bounds the wrong way round',
      'lb',
      { [LB.shape]: 'flexible', [LB.shapeMin]: '100', [LB.shapeMax]: '50' },
      { shape: { name: 'flexible', minimum: 100, maximum: 100 } },
    ],
    [
      'two subnets',
      'lb',
      { [LB.subnet1]: SUBNET_B, [LB.subnet2]: SUBNET_C },
      {
        subnets: [
          { id: SUBNET_B, annotated: true },
          { id: SUBNET_C, annotated: true },
        ],
      },
    ],
    ['the one subnet', 'nlb', { [NLB.subnet]: SUBNET_B }, { subnets: [{ id: SUBNET_B, annotated: true }] }],
    ['an idle timeout', 'lb', { [LB.idleTimeout]: '1200' }, { idleTimeout: 1200 }],
    ['the PROXY protocol', 'lb', { [LB.proxyProtocolVersion]: '2' }, { proxyProtocol: 2, idleTimeout: 300 }],
    [
      'the PROXY protocol of HTTP',
      'lb',
      { [LB.proxyProtocolVersion]: '1', [LB.backendProtocol]: 'http' },
      { proxyProtocol: 1, idleTimeout: 60 },
    ],
    [
      'the PROXY protocol of gRPC',
      'lb',
      {
        [LB.proxyProtocolVersion]: '1',
        [LB.backendProtocol]: 'GRPC',
        [LB.tlsPorts]: '80',
        [LB.listenerSecret]: 'certificate',
      },
      { proxyProtocol: 1, idleTimeout: 300 },
    ],
    ['the PROXY protocol, on', 'nlb', { [NLB.proxyProtocol]: 'True' }, { proxyProtocol: 2 }],
    ['the PROXY protocol, off', 'nlb', { [NLB.proxyProtocol]: 'false' }, { proxyProtocol: false }],
    ['a policy', 'lb', { [LB.policy]: 'IP_HASH' }, { policy: 'IP_HASH' }],
    ['a policy of the other type', 'nlb', { [NLB.policy]: 'TWO_TUPLE' }, { policy: 'TWO_TUPLE' }],
    [
      'TLS',
      'lb',
      {
        [LB.tlsPorts]: '80',
        [LB.listenerSecret]: 'ns/front',
        [LB.backendSetSecret]: 'back',
        [LB.listenerTls]: '{"CipherSuiteName":"x","protocols":["TLSv1.3","TLSv1.2"]}',
      },
      {
        tls: {
          ports: [80],
          listener: { namespace: 'ns', name: 'front' },
          backendSet: { namespace: 'ns', name: 'back' },
          listenerOptions: { cipherSuite: 'x', protocols: ['TLSv1.2', 'TLSv1.3'] },
          backendSetOptions: {},
        },
      },
    ],
    ['external addresses only', 'nlb', { [NLB.externalOnly]: 'true' }, { externalOnly: true }],
    ['the mode of addresses', 'lb', { [ANNOTATIONS.ingressIpMode]: 'proxy' }, { ipMode: 'Proxy' }],
    [
      'assigned addresses',
      'nlb',
      { [NLB.assignedIPv4]: '10.0.0.9', [NLB.assignedIPv6]: '2001:DB8::9' },
      { assignedAddresses: { IPv4: '10.0.0.9', IPv6: '2001:db8::9' } },
    ],
  ];
  for (const [name, type, annotations, expected] of cases) {
    test(`say: ${name}`, () => assert.partialDeepStrictEqual(request(ociService(type, {}, annotations)), expected));
  }

  const modes: readonly (readonly [LoadBalancerType, Record<string, string>, string])[] = [
    ['lb', { [LB.securityListManagementMode]: 'None' }, 'None'],
    // As with OCI's controller.
    ['lb', { [LB.securityListManagementMode]: 'none' }, 'All'],
    ['nlb', { [NLB.securityListManagementMode]: 'All' }, 'All'],
    ['lb', { [RULES]: 'SL-All', [LB.securityListManagementMode]: 'None' }, 'All'],
    ['nlb', { [RULES]: 'sl-frontend' }, 'Frontend'],
    ['lb', { [RULES]: 'nsg' }, 'NSG'],
    ['lb', { [RULES]: 'None' }, 'None'],
  ];
  for (const [type, annotations, mode] of modes) {
    test(`keep rules as ${mode} with ${type} ${JSON.stringify(Object.values(annotations))}`, () => {
      assert.equal(request(ociService(type, {}, annotations)).security.mode, mode);
    });
  }

  test('take the place of the configuration’s tags, and not of ours', () => {
    const { tags } = request(
      ociService('nlb', {}, { [NLB.formerFreeformTags]: '{"a":"b"}', [NLB.definedTags]: '{"n":{"k":1}}' }),
    );
    assert.deepEqual(Object.keys(tags.freeform).sort(), [
      'a',
      'postern.dev/cluster',
      'postern.dev/service',
      'postern.dev/service-uid',
    ]);
    assert.deepEqual(tags.defined, { n: { k: 1 } });
  });

  test('that are not known or are for the other type are told, and change nothing', () => {
    const { warnings, ...asked } = request(
      ociService(
        'lb',
        {},
        { [NLB.internal]: 'true', 'oci.oraclecloud.com/load-balancer-typ': 'nlb', 'example.com/x': 'y' },
      ),
    );
    const { warnings: _none, ...plain } = request(ociService('lb'));
    assert.deepEqual(asked, plain);
    assert.deepEqual(warnings, [
      `the annotation ${NLB.internal} does nothing with oci.oraclecloud.com/load-balancer-type lb`,
      'the annotation oci.oraclecloud.com/load-balancer-typ is not known, and does nothing',
    ]);
  });

  test('of load balancers are told on a network load balancer, whatever they begin with', () => {
    const groups = { [LB.networkSecurityGroups]: 'ocid1.networksecuritygroup.oc1.x.aaaa', [LB.internal]: 'true' };
    assert.deepEqual(
      request(ociService('nlb', {}, groups)).warnings,
      [LB.networkSecurityGroups, LB.internal].map(
        (name) => `the annotation ${name} does nothing with oci.oraclecloud.com/load-balancer-type nlb`,
      ),
    );
  });

  test('of a type that there is not is a load balancer, as with OCI’s controller, and is told', () => {
    const asked = request(ociService('lb', {}, { [ANNOTATIONS.type]: 'alb' }));
    assert.equal(asked.type, 'lb');
    assert.deepEqual(asked.warnings, [
      'the annotation oci.oraclecloud.com/load-balancer-type is "alb", neither lb nor nlb: taken for lb',
    ]);
    assert.deepEqual(request(ociService('nlb', {}, { [ANNOTATIONS.type]: ' NLB ' })).warnings, []);
  });
});

describe('what cannot be is refused, each mistake by its name', () => {
  test('in annotations', () => {
    const why = refusal(
      ociService(
        'lb',
        {},
        {
          [LB.internal]: 'yes',
          [LB.subnet1]: 'subnet',
          [LB.shape]: 'flexible',
          [LB.healthInterval]: '999',
          [LB.healthRetries]: '0x3',
          [LB.idleTimeout]: '-1',
          [LB.proxyProtocolVersion]: '3',
          [LB.policy]: 'RANDOM',
          [LB.networkSecurityGroups]: Array.from({ length: 6 }, (_, i) => `${GROUP}${i}`).join(','),
          [LB.freeformTags]: '["a"]',
          [LB.definedTags]: '{"a":"b"}',
          [LB.nodeSelector]: 'a==b==c',
          [ANNOTATIONS.securityRuleManagementMode]: 'Some',
        },
      ),
    );
    for (const part of [
      `${LB.internal}]: "yes": must be true or false`,
      `${LB.subnet1}]: "subnet": must be the OCID of a subnet`,
      `${LB.shapeMin}]: "": must be a number of Mbit/s from 10 to 8000`,
      `${LB.shapeMax}]: "": must be a number`,
      `${LB.healthInterval}]: "999": must be a whole number from 1000 to 1800000`,
      `${LB.healthRetries}]: "0x3": must be a whole number`,
      `${LB.idleTimeout}]: "-1": must be a whole number from 1 to 7200`,
      `${LB.proxyProtocolVersion}]: "3": must be a whole number from 1 to 2`,
      `${LB.policy}]: "RANDOM": must be one of ROUND_ROBIN, LEAST_CONNECTIONS, IP_HASH`,
      `must be at most 5 OCIDs`,
      `${LB.freeformTags}]: "[\\"a\\"]": must be a JSON object`,
      `${LB.definedTags}]: "{\\"a\\":\\"b\\"}": must be a JSON object of objects`,
      `${LB.nodeSelector}]: "a==b==c": must be a label selector`,
      `"Some": must be one of SL-All, SL-Frontend, NSG, None`,
    ]) {
      assert.ok(why.includes(part), `${part}\nis not in\n${why}`);
    }
  });

  const port = { name: 'p', protocol: 'TCP', port: 53, nodePort: 30053 } as const;
  const cases: readonly (readonly [string, Service, RegExp, RequestDefaults?])[] = [
    [
      'UDP on a proxy',
      ociService('lb', { ports: [{ ...port, protocol: 'UDP' }] }),
      /a load balancer takes TCP: annotate .*: nlb/,
    ],
    ['SCTP', ociService('nlb', { ports: [{ ...port, protocol: 'SCTP' }] }), /spec.ports\[0\].protocol: SCTP/],
    ['no node port', ociService('lb', { ports: [{ ...port, nodePort: 0 }] }), /spec.ports\[0\].nodePort: none/],
    ['no port', ociService('lb', { ports: [] }), /spec.ports: empty/],
    [
      'one port with two node ports',
      ociService('nlb', { ports: [port, { ...port, protocol: 'UDP', nodePort: 30054 }] }),
      /port 53 has the nodePorts 30053 and 30054: set both to 30053/,
    ],
    [
      'session affinity',
      ociService('nlb', { sessionAffinity: 'ClientIP' }),
      /spec.sessionAffinity: "ClientIP": must be None/,
    ],
    ['an address that is none', ociService('lb', { loadBalancerIP: 'x' }), /spec.loadBalancerIP: "x"/],
    [
      'a public address within',
      ociService('lb', { loadBalancerIP: '192.0.2.9' }, { [LB.internal]: 'true' }),
      /"192.0.2.9": must not be there on an internal load balancer/,
    ],
    [
      'a range that is none',
      ociService('lb', { loadBalancerSourceRanges: ['10.0.0.0'] }),
      /"10.0.0.0": must be a prefix/,
    ],
    [
      'no subnet anywhere',
      ociService('nlb'),
      /oci-network-load-balancer.oraclecloud.com\/subnet\]: "": must be the OCID of a subnet, as loadBalancer.subnet1/,
      { ...DEFAULTS, loadBalancer: { ...DEFAULTS.loadBalancer, subnet1: undefined } },
    ],
    [
      'the client’s address where it cannot be kept',
      ociService('nlb', { externalTrafficPolicy: 'Cluster' }, { [NLB.preserveSource]: 'true' }),
      /must not be there with externalTrafficPolicy Cluster/,
    ],
    [
      'TLS without a certificate',
      ociService('lb', {}, { [LB.tlsPorts]: '80' }),
      /tls-secret\]: "": must name a Secret of type kubernetes.io\/tls/,
    ],
    [
      'TLS of a port that there is not',
      ociService('lb', {}, { [LB.tlsPorts]: '80, 443', [LB.listenerSecret]: 'cert' }),
      /ssl-ports\]: "80, 443": must be ports of the Service with commas between them, of 80/,
    ],
    [
      'keys of another namespace',
      ociService('lb', {}, { [LB.tlsPorts]: '80', [LB.listenerSecret]: 'other/cert' }),
      /"other\/cert": must name a Secret in the Service's own namespace ns/,
    ],
    [
      'options of TLS that there are not',
      ociService('lb', {}, { [LB.tlsPorts]: '80', [LB.listenerSecret]: 'cert', [LB.listenerTls]: '{"Ciphers":[]}' }),
      /must have a text CipherSuiteName, a list Protocols of texts, and nothing else/,
    ],
    [
      'gRPC without TLS',
      ociService('lb', {}, { [LB.backendProtocol]: 'GRPC' }),
      /"GRPC": must go with TLS: .*ssl-ports has not 80/,
    ],
    [
      'rule sets',
      ociService('lb', {}, { 'oci.oraclecloud.com/oci-load-balancer-rule-sets': '{}' }),
      /rule-sets\]: Postern makes no rule sets/,
    ],
    [
      'a mode of network load balancers that there is not',
      ociService('nlb', {}, { [NLB.securityListManagementMode]: 'Most' }),
      /"Most": must be one of All, Frontend, None/,
    ],
  ];
  for (const [name, service, why, defaults] of cases) {
    test(name, () => assert.match(refusal(service, defaults), why));
  }
});

test('both protocols of a port are one listener of a network load balancer', () => {
  const port = { name: 'p', protocol: 'TCP', port: 53, nodePort: 30053 } as const;
  const { ports } = request(ociService('nlb', { ports: [port, { ...port, protocol: 'UDP' }] }));
  assert.deepEqual(ports, [
    {
      name: 'TCP_AND_UDP-53',
      listener: 'TCP_AND_UDP-53',
      protocol: 'TCP_AND_UDP',
      transports: ['TCP', 'UDP'],
      port: 53,
      nodePort: 30053,
    },
  ]);
});

test('a listener for HTTP has its own name, and the backend set the Service’s', () => {
  const { ports } = request(ociService('lb', {}, { [LB.backendProtocol]: 'HTTP' }));
  assert.partialDeepStrictEqual(ports, [{ name: 'TCP-80', listener: 'HTTP-80', protocol: 'HTTP' }]);
});

test('with the traffic policy Local nodes are asked for their endpoints, and see clients', () => {
  const local = { externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 } as const;
  const asked = request(ociService('nlb', local));
  assert.deepEqual([asked.health.port, asked.preserveSource], [32000, true]);
  assert.equal(request(ociService('nlb', local, { [NLB.preserveSource]: '0' })).preserveSource, false);
  assert.equal(request(ociService('lb', local)).preserveSource, false);
});

test('who may come is read from the field, and from the annotation before it, in canonical form', () => {
  const annotation = { 'service.beta.kubernetes.io/load-balancer-source-ranges': '10.1.2.3/8, 2001:DB8::/32' };
  const inField = ociService('lb', { loadBalancerSourceRanges: ['192.0.2.0/24'] }, annotation);
  assert.deepEqual(request(inField).security.sources, ['192.0.2.0/24']);
  assert.deepEqual(request(ociService('lb', {}, annotation)).security.sources, ['10.0.0.0/8', '2001:db8::/32']);
});
