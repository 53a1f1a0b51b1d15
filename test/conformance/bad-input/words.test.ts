/**
 * The words of answers: what a Kubernetes API server says of each mistake, cause by cause, for the kinds around Services.
 * Users search for these words, and tools match them.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Endpoints } from '../../../src/api/core/v1/endpoints.ts';
import { Service } from '../../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../../src/api/discovery/v1/endpointslice.ts';
import type { AnyKind } from '../../../src/api/kinds.ts';
import { IPAddress } from '../../../src/api/networking/v1/ipaddress.ts';
import { ServiceCIDR } from '../../../src/api/networking/v1/servicecidr.ts';
import { startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { resourcePath } from '../../../src/client/resource-path.ts';
import { refused } from './asking.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api.close());

type Case = readonly [what: string, body: object, ...messages: string[]];

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
const PORT = 'must be between 1 and 65535, inclusive';
const ONLY_LB = "Forbidden: may only be used when `type` is 'LoadBalancer'";
const NOT_FOR_NAMES = 'Forbidden: may not be set for ExternalName services';

const port = { port: 80 };
const lb = { type: 'LoadBalancer', ports: [port] };
const spec = (fields: object) => ({ spec: { ports: [port], ...fields } });
const one = (fields: object) => spec({ ports: [{ ...port, ...fields }] });
const annotated = (annotations: object, fields: object = {}) => ({ metadata: { annotations }, ...spec(fields) });
const RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';

const SERVICE: readonly Case[] = [
  ['no ports', { spec: {} }, 'spec.ports: Required value'],
  [
    'numbers of ports',
    one({ port: 0, targetPort: 70000 }),
    `spec.ports[0].port: Invalid value: 0: ${PORT}`,
    `spec.ports[0].targetPort: Invalid value: 70000: ${PORT}`,
  ],
  ['the name of a port', one({ name: 'A_b' }), `spec.ports[0].name: Invalid value: "A_b": ${LABEL}`],
  [
    'a long name of a port',
    one({ name: 'a'.repeat(64) }),
    `spec.ports[0].name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 bytes`,
  ],
  [
    'a protocol',
    one({ protocol: 'X' }),
    'spec.ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
  ],
  ['a long target', one({ targetPort: 'a'.repeat(16) }), `"${'a'.repeat(16)}": must be no more than 15 bytes`],
  ['a target without letters', one({ targetPort: '80' }), '"80": must contain at least one letter (a-z)'],
  [
    'a target with other letters',
    one({ targetPort: 'a_b' }),
    '"a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
  ],
  ['a target with two hyphens', one({ targetPort: 'a--b' }), '"a--b": must not contain consecutive hyphens'],
  ['a target with a hyphen first', one({ targetPort: '-a' }), '"-a": must not begin or end with a hyphen'],
  [
    'appProtocol',
    one({ appProtocol: 'a b' }),
    `spec.ports[0].appProtocol: Invalid value: "a b": name part ${QUALIFIED}`,
  ],
  [
    'appProtocol of three parts',
    one({ appProtocol: 'a/b/c' }),
    `a qualified name ${QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
  ],
  [
    'appProtocol with a wrong domain',
    one({ appProtocol: 'A/b' }),
    `spec.ports[0].appProtocol: Invalid value: "A/b": prefix part ${SUBDOMAIN}`,
  ],
  ['an empty appProtocol', one({ appProtocol: '' }), 'Invalid value: "": name part must be non-empty'],
  [
    'a node port of a ClusterIP',
    one({ nodePort: 30001 }),
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
  [
    'a node port below 0',
    spec({ type: 'NodePort', ports: [{ ...port, nodePort: -1 }] }),
    'provided port is not in the valid range. The range of valid ports is 30000-32767',
  ],
  [
    'a selector',
    spec({ selector: { 'a b': 'c d' } }),
    `spec.selector: Invalid value: "a b": name part ${QUALIFIED}`,
    `spec.selector: Invalid value: "c d": ${LABEL_VALUE}`,
  ],
  [
    'a type',
    spec({ type: 'X' }),
    'spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    'an affinity',
    spec({ sessionAffinity: 'X' }),
    'spec.sessionAffinity: Unsupported value: "X": supported values: "ClientIP", "None"',
  ],
  [
    'an affinity of more than a day',
    spec({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } }),
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
  ],
  [
    'an internal policy that is empty',
    spec({ internalTrafficPolicy: '' }),
    'spec.internalTrafficPolicy: Unsupported value: "": supported values: "Cluster", "Local"',
  ],
  [
    'an external policy inside',
    spec({ externalTrafficPolicy: 'Local' }),
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
  ],
  [
    'a traffic distribution, in the order of preference',
    spec({ trafficDistribution: 'X' }),
    'spec.trafficDistribution: Unsupported value: "X": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
  ],
  [
    'a family policy that is empty',
    spec({ ipFamilyPolicy: '' }),
    'spec.ipFamilyPolicy: Unsupported value: "": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
  ],
  [
    'a family',
    spec({ ipFamilies: ['X'] }),
    'spec.ipFamilies[0]: Unsupported value: "X": supported values: "IPv4", "IPv6"',
  ],
  [
    'a cluster IP that is empty',
    spec({ clusterIPs: [''] }),
    'spec.clusterIPs: Invalid value: [""]: must be empty when `clusterIP` is not specified',
    `spec.clusterIPs[0]: Invalid value: "": ${IP}`,
  ],
  [
    'an ExternalName with addresses',
    spec({ type: 'ExternalName', externalName: 'a..b', clusterIPs: ['10.96.0.9'], ipFamilies: ['IPv4'] }),
    `spec.clusterIPs: ${NOT_FOR_NAMES}`,
    `spec.ipFamilies: ${NOT_FOR_NAMES}`,
    `spec.externalName: Invalid value: "a..b": ${SUBDOMAIN}`,
  ],
  [
    'external IPs that lead nowhere',
    spec({ externalIPs: ['x', '0.0.0.0', '::', '127.1.2.3', '169.254.1.1', 'ff02::1'] }),
    `spec.externalIPs[0]: Invalid value: "x": ${IP}`,
    'spec.externalIPs[1]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
    'spec.externalIPs[2]: Invalid value: "::": may not be unspecified (::)',
    'spec.externalIPs[3]: Invalid value: "127.1.2.3": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    'spec.externalIPs[4]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    'spec.externalIPs[5]: Invalid value: "ff02::1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  ],
  [
    'addresses that programs read in different ways',
    spec({ externalIPs: ['192.0.2.010', '::ffff:192.0.2.1'] }),
    'spec.externalIPs[0]: Invalid value: "192.0.2.010": must not have leading 0s',
    'spec.externalIPs[1]: Invalid value: "::ffff:192.0.2.1": must not be an IPv4-mapped IPv6 address',
  ],
  [
    'prefixes that programs read in different ways',
    spec({ ...lb, loadBalancerSourceRanges: ['010.0.0.0/8', '10.0.0.0/08', '::ffff:10.0.0.0/104', 'x/8'] }),
    'spec.LoadBalancerSourceRanges[0]: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length',
    'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length',
    'spec.LoadBalancerSourceRanges[2]: Invalid value: "::ffff:10.0.0.0/104": must not have an IPv4-mapped IPv6 address',
    `spec.LoadBalancerSourceRanges[3]: Invalid value: "x/8": ${CIDR}`,
  ],
  [
    'what only load balancers have',
    spec({ loadBalancerSourceRanges: ['10.0.0.0/8'], allocateLoadBalancerNodePorts: false, loadBalancerClass: 'a/b' }),
    `spec.LoadBalancerSourceRanges: ${ONLY_LB}`,
    `spec.allocateLoadBalancerNodePorts: ${ONLY_LB}`,
    `spec.loadBalancerClass: ${ONLY_LB}`,
  ],
  [
    'source ranges in the annotation',
    annotated({ [RANGES]: ' 10.0.0.0/8 , x' }),
    `metadata.annotations[${RANGES}]: ${ONLY_LB}`,
    `metadata.annotations[${RANGES}]: Invalid value: "x": ${CIDR}`,
  ],
  [
    'two names of one annotation that disagree',
    annotated({
      'service.kubernetes.io/topology-mode': 'Auto',
      'service.kubernetes.io/topology-aware-hints': 'Disabled',
    }),
    'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "Auto": must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified',
  ],
  ['a name', { metadata: { name: '1A' }, ...spec({}) }, `metadata.name: Invalid value: "1A": ${NAME_1035}`],
  [
    'finalizers',
    { metadata: { finalizers: ['a b', 'example.com/x', 'orphan'] }, ...spec({}) },
    `metadata.finalizers: Invalid value: "a b": name part ${QUALIFIED}`,
    'metadata.finalizers[0]: Invalid value: "a b": name is neither a standard finalizer name nor is it fully qualified',
  ],
];

const slice = (fields: object) => ({ addressType: 'IPv4', ...fields });
const endpoint = (fields: object) => slice({ endpoints: [{ addresses: ['192.0.2.1'], ...fields }] });
const names = (...all: string[]) => all.map((name) => ({ name }));

const SLICE: readonly Case[] = [
  ['no address type', { endpoints: [] }, 'addressType: Required value'],
  [
    'an address type',
    { addressType: 'X', endpoints: [] },
    'addressType: Unsupported value: "X": supported values: "FQDN", "IPv4", "IPv6"',
  ],
  [
    'no addresses',
    slice({ endpoints: [{}, { addresses: [] }] }),
    'endpoints[0].addresses: Required value: must contain at least 1 address',
    'endpoints[1].addresses: Required value: must contain at least 1 address',
  ],
  [
    'addresses of IPv4',
    slice({ endpoints: [{ addresses: ['fd00::1', 'x', '127.0.0.1', '192.0.2.01'] }] }),
    'endpoints[0].addresses[0]: Invalid value: "fd00::1": must be an IPv4 address',
    `endpoints[0].addresses[1]: Invalid value: "x": ${IP}`,
    'endpoints[0].addresses[2]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    'endpoints[0].addresses[3]: Invalid value: "192.0.2.01": must not have leading 0s',
  ],
  [
    'addresses of IPv6',
    { addressType: 'IPv6', endpoints: [{ addresses: ['192.0.2.1'] }] },
    'endpoints[0].addresses[0]: Invalid value: "192.0.2.1": must be an IPv6 address',
  ],
  [
    'domains',
    { addressType: 'FQDN', endpoints: [{ addresses: ['localhost', 'a..b'] }] },
    'endpoints[0].addresses[0]: Invalid value: "localhost": should be a domain with at least two segments separated by dots',
    `endpoints[0].addresses[1]: Invalid value: "a..b": ${SUBDOMAIN}`,
  ],
  [
    'too many addresses',
    endpoint({ addresses: Array.from({ length: 101 }, (_, i) => `192.0.2.${i + 1}`) }),
    'endpoints[0].addresses: Too many: 101: must have at most 100 items',
  ],
  [
    'too many endpoints',
    slice({ endpoints: Array.from({ length: 1001 }, () => ({ addresses: ['x'] })) }),
    'endpoints: Too many: 1001: must have at most 1000 items',
  ],
  [
    'names',
    endpoint({ hostname: 'A', nodeName: '' }),
    `endpoints[0].nodeName: Invalid value: "": ${SUBDOMAIN}`,
    `endpoints[0].hostname: Invalid value: "A": ${LABEL}`,
  ],
  [
    'hints',
    endpoint({ hints: { forZones: names('a b', 'c', 'c'), forNodes: names('A', 'n', 'n') } }),
    `endpoints[0].hints.forZones[0].name: Invalid value: "a b": ${LABEL_VALUE}`,
    'endpoints[0].hints.forZones[2].name: Duplicate value: "c"',
    `endpoints[0].hints.forNodes[0].name: Invalid value: "A": ${SUBDOMAIN}`,
    'endpoints[0].hints.forNodes[2].name: Duplicate value: "n"',
  ],
  [
    'too many hints',
    endpoint({ hints: { forZones: names(...'abcdefghi') } }),
    'endpoints[0].hints.forZones: Too many: 9: must have at most 8 items',
  ],
  [
    'ports',
    slice({
      endpoints: [],
      ports: [{ name: 'A' }, { name: 'b', protocol: 'X' }, { name: 'b', appProtocol: 'a b' }, {}, {}],
    }),
    'ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    `ports[0].name: Invalid value: "A": ${LABEL}`,
    `ports[2].appProtocol: Invalid value: "a b": name part ${QUALIFIED}`,
    'ports[2].name: Duplicate value: "b"',
    'ports[4].name: Duplicate value: ""',
  ],
];

const ENDPOINTS: readonly Case[] = [
  ['no addresses', { subsets: [{}] }, 'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`'],
  [
    'every field at once',
    {
      subsets: [
        {
          addresses: [{}, { ip: '127.0.0.1' }, { ip: '192.0.2.1', hostname: 'A_', nodeName: '_' }],
          notReadyAddresses: [{ ip: 'x' }],
          ports: [{}, { name: 'A', port: 70000, protocol: 'X', appProtocol: 'a b' }],
        },
      ],
    },
    `subsets[0].addresses[0].ip: Invalid value: "": ${IP}`,
    'subsets[0].addresses[1].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    `subsets[0].addresses[2].hostname: Invalid value: "A_": ${LABEL}`,
    `subsets[0].addresses[2].nodeName: Invalid value: "_": ${SUBDOMAIN}`,
    `subsets[0].notReadyAddresses[0].ip: Invalid value: "x": ${IP}`,
    'subsets[0].ports[0].name: Required value',
    `subsets[0].ports[0].port: Invalid value: 0: ${PORT}`,
    `subsets[0].ports[1].name: Invalid value: "A": ${LABEL}`,
    `subsets[0].ports[1].port: Invalid value: 70000: ${PORT}`,
    'subsets[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    `subsets[0].ports[1].appProtocol: Invalid value: "a b": name part ${QUALIFIED}`,
  ],
];

const cidrs = (...all: string[]) => ({ spec: { cidrs: all } });
const RANGE: readonly Case[] = [
  ['no prefix', { spec: {} }, 'spec.cidrs: Required value: at least one CIDR required'],
  [
    'three prefixes',
    cidrs('10.0.0.0/8', 'fd00::/112', '11.0.0.0/8'),
    'spec.cidrs: Invalid value: ["10.0.0.0/8","fd00::/112","11.0.0.0/8"]: may only hold up to 2 values',
  ],
  [
    'two prefixes of one family',
    cidrs('10.0.0.0/8', '11.0.0.0/8'),
    'spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
  ],
  [
    'bits after the prefix',
    cidrs('10.1.2.3/8'),
    'spec.cidrs[0]: Invalid value: "10.1.2.3/8": must not have bits set beyond the prefix length',
  ],
  [
    'leading zeros, and another way to write it',
    cidrs('010.0.0.0/8', 'FD00::/112'),
    'spec.cidrs[0]: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length',
    'spec.cidrs[1]: Invalid value: "FD00::/112": must be in canonical form ("fd00::/112")',
  ],
  ['no prefix length', cidrs('10.0.0.0'), `spec.cidrs[0]: Invalid value: "10.0.0.0": ${CIDR}`],
];

const parentRef = { resource: 'services', namespace: 'default', name: 'a' };
const address = (name: string, parent: object = parentRef) => ({ metadata: { name }, spec: { parentRef: parent } });
const ADDRESS: readonly Case[] = [
  ['no owner', { metadata: { name: '192.0.2.1' }, spec: {} }, 'spec.parentRef: Required value'],
  [
    'an owner without name',
    address('192.0.2.1', {}),
    'spec.parentRef.resource: Required value',
    'spec.parentRef.name: Required value',
  ],
  [
    'an owner with wrong names',
    address('192.0.2.1', { group: 'A_b', resource: 'a/b', namespace: '..', name: 'a%b' }),
    `spec.parentRef.group: Invalid value: "A_b": ${SUBDOMAIN}`,
    `spec.parentRef.resource: Invalid value: "a/b": may not contain '/'`,
    `spec.parentRef.name: Invalid value: "a%b": may not contain '%'`,
    `spec.parentRef.namespace: Invalid value: "..": may not be '..'`,
  ],
  ['a name that is no address', address('x'), `metadata.name: Invalid value: "x": ${IP}`],
  [
    'a name with leading zeros',
    address('192.0.2.01'),
    'metadata.name: Invalid value: "192.0.2.01": must not have leading 0s',
  ],
  [
    'a name in another form',
    address('FD00::1'),
    'metadata.name: Invalid value: "FD00::1": must be in canonical form ("fd00::1")',
  ],
];

const TABLES: readonly (readonly [AnyKind, readonly Case[]])[] = [
  [Service, SERVICE],
  [EndpointSlice, SLICE],
  [Endpoints, ENDPOINTS],
  [ServiceCIDR, RANGE],
  [IPAddress, ADDRESS],
];
for (const [kind, cases] of TABLES) {
  describe(`in a ${kind.kind}, an API server's words are said of`, () => {
    for (const [what, { metadata, ...body }, ...messages] of cases as readonly (readonly [
      string,
      { readonly metadata?: object },
      ...string[],
    ])[]) {
      test(what, async () => {
        const object = { ...body, metadata: { name: 'bad', ...metadata } };
        const reply = await refused(api, 'POST', resourcePath(kind, { namespace: 'default' }), { body: object });
        assert.deepEqual([reply.code, reply.body.reason], [422, 'Invalid'], reply.text);
        const causes: readonly { field: string; message: string }[] = reply.body.details.causes;
        const found = causes.map(({ field, message }) => `${field}: ${message}`);
        assert.equal(found.length, messages.length, found.join('\n'));
        for (const message of messages) {
          assert.ok(
            found.some((cause) => cause.endsWith(message)),
            `${message}\nis not among\n${found.join('\n')}`,
          );
        }
      });
    }
  });
}
