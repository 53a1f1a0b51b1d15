import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lines, type ServiceParts, service } from '../testing.ts';
import { exposureOf, leftAlone, type Place } from './desired.ts';

const PLACE: Place = { addresses: ['192.0.2.1', '2001:db8::1'], policy: 'managed', enforces: true };
const INGRESS = [{ ip: '198.51.100.1' }, { ip: '2001:db8:1::1' }];
const openings = (parts: ServiceParts, place: Partial<Place> = {}) =>
  lines(exposureOf(service('web', parts), { ...PLACE, ...place }).openings);
const mistake = (annotations: Readonly<Record<string, string>>, place: Partial<Place> = {}) =>
  exposureOf(service('web', { ...NODE_PORT, annotations }), { ...PLACE, ...place }).mistake;

const NODE_PORT: ServiceParts = {
  type: 'NodePort',
  ports: [{ port: 80, nodePort: 30_080 }],
  clusterIPs: ['10.96.0.9'],
};
const BALANCED: ServiceParts = { type: 'LoadBalancer', ingress: INGRESS };

test('what only the cluster reaches opens nothing', () => {
  assert.deepEqual(openings({}), []);
  assert.deepEqual(openings({ type: 'ExternalName', externalName: 'example.org', externalIPs: ['203.0.113.1'] }), []);
  assert.deepEqual(openings({ clusterIPs: ['None'], externalIPs: ['203.0.113.1'] }), []);
  const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
  assert.deepEqual(openings({ ...NODE_PORT, labels }), []);
});

test("a node port is open at the node's addresses of the Service's families, for each protocol", () => {
  const ports = [
    { name: 'tcp', port: 53, nodePort: 30_053 },
    { name: 'udp', port: 53, nodePort: 30_053, protocol: 'UDP' as const },
    { name: 'sctp', port: 54, nodePort: 30_054, protocol: 'SCTP' as const },
  ];
  assert.deepEqual(openings({ type: 'NodePort', ports }), [
    'tcp 192.0.2.1 30053 node-port of n/web',
    'udp 192.0.2.1 30053 node-port of n/web',
    'sctp 192.0.2.1 30054 node-port of n/web',
    'tcp 2001:db8::1 30053 node-port of n/web',
    'udp 2001:db8::1 30053 node-port of n/web',
    'sctp 2001:db8::1 30054 node-port of n/web',
  ]);
  assert.deepEqual(openings(NODE_PORT), ['tcp 192.0.2.1 30080 node-port of n/web']);
});

test('addresses of a load balancer and external IPs are open at the ports of the Service', () => {
  assert.deepEqual(openings({ ...BALANCED, externalIPs: ['203.0.113.1'] }), [
    'tcp 198.51.100.1 80 load-balancer of n/web',
    'tcp 203.0.113.1 80 external-ip of n/web',
    'tcp 2001:db8:1::1 80 load-balancer of n/web',
  ]);
  // Clients reach the nodes by others then.
  assert.deepEqual(openings({ ...BALANCED, ingress: [{ ip: '198.51.100.1', ipMode: 'Proxy' }] }), []);
  // It was one, and its status has not been cleared yet.
  assert.deepEqual(openings({ ...BALANCED, type: 'ClusterIP' }), []);
});

test('source ranges limit the addresses of a load balancer, each family by its own, and not node ports', () => {
  const ranges = ['203.0.113.128/25', ' 203.0.113.0/24 ', '2001:db8:9::/48', 'nonsense'];
  const limited = { ...BALANCED, ports: [{ port: 80, nodePort: 30_080 }], externalIPs: ['198.51.100.1'] };
  assert.deepEqual(openings({ ...limited, loadBalancerSourceRanges: ranges }), [
    'tcp 192.0.2.1 30080 node-port of n/web',
    'tcp 198.51.100.1 80 load-balancer of n/web from 203.0.113.0/24',
    'tcp 2001:db8:1::1 80 load-balancer of n/web from 2001:db8:9::/48',
    'tcp 2001:db8::1 30080 node-port of n/web',
  ]);
  assert.deepEqual(openings({ ...BALANCED, loadBalancerSourceRanges: ['203.0.113.0/24'] }), [
    'tcp 198.51.100.1 80 load-balancer of n/web from 203.0.113.0/24',
  ]);
});

test('the port of health checks is open with externalTrafficPolicy Local alone', () => {
  const checked = { ...BALANCED, clusterIPs: ['10.96.0.9'], healthCheckNodePort: 32_000 };
  assert.deepEqual(openings({ ...checked, externalTrafficPolicy: 'Local' }), [
    'tcp 192.0.2.1 32000 health-check of n/web',
    'tcp 198.51.100.1 80 load-balancer of n/web',
  ]);
  assert.deepEqual(openings(checked), ['tcp 198.51.100.1 80 load-balancer of n/web']);
});

test('addresses and ports that can be none, from a server that does not check them, open nothing', () => {
  const externalIPs = ['127.0.0.1', '0.0.0.0', '224.0.0.1', '::1', '255.255.255.255', 'example.org', '10.0.0.1; drop'];
  assert.deepEqual(openings({ externalIPs }), []);
  assert.deepEqual(
    openings({ externalIPs: ['203.0.113.1'], ports: [{ port: 0 }, { port: 65_536 }, { port: 1.5 }] }),
    [],
  );
  const protocol = 'ICMP' as 'TCP';
  assert.deepEqual(openings({ externalIPs: ['203.0.113.1'], ports: [{ port: 80, protocol }] }), []);
});

test('the annotation counts more than the policy of the cluster', () => {
  const asked = (policy: string) => ({ ...NODE_PORT, annotations: { 'postern.dev/firewall': policy } });
  assert.deepEqual(openings(asked('none')), []);
  assert.deepEqual(openings(asked('enforce')), ['tcp 192.0.2.1 30080 node-port of n/web enforce']);
  assert.deepEqual(openings(NODE_PORT, { policy: 'none' }), []);
  assert.deepEqual(openings(asked('managed'), { policy: 'none' }), ['tcp 192.0.2.1 30080 node-port of n/web']);
});

test('what is left alone, whatever the reason, is known as it would be opened', () => {
  const left = (annotations: Readonly<Record<string, string>>, place: Partial<Place> = {}) =>
    lines(leftAlone(service('web', { ...NODE_PORT, annotations }), { ...PLACE, ...place }));
  const whole = ['tcp 192.0.2.1 30080 node-port of n/web'];
  assert.deepEqual(left({ 'postern.dev/firewall': 'none' }), whole);
  assert.deepEqual(left({ 'postern.dev/firewall': 'off' }), whole);
  assert.deepEqual(left({ 'postern.dev/firewall-nodes': 'edge' }), whole);
  assert.deepEqual(left({}, { policy: 'none' }), whole);
  assert.deepEqual(left({}, { policy: 'enforce', enforces: false }), whole);
  assert.deepEqual(left({}), []);
  assert.deepEqual(left({ 'postern.dev/firewall': 'enforce' }), []);
});

test('a Service may be opened on some nodes only', () => {
  const limited = { ...NODE_PORT, annotations: { 'postern.dev/firewall-nodes': 'zone in (edge),!spare' } };
  assert.deepEqual(openings(limited), []);
  assert.deepEqual(openings(limited, { labels: { zone: 'edge', spare: '' } }), []);
  assert.deepEqual(openings(limited, { labels: { zone: 'edge' } }), ['tcp 192.0.2.1 30080 node-port of n/web']);
});

test('an annotation that cannot be read opens nothing and is told; so is a policy that the firewall cannot do', () => {
  assert.match(mistake({ 'postern.dev/firewall': 'off' }) ?? '', /"off": use managed, enforce, none/);
  assert.match(mistake({ 'postern.dev/firewall-nodes': 'zone in' }) ?? '', /firewall-nodes/);
  assert.match(mistake({ 'postern.dev/firewall': 'enforce' }, { enforces: false }) ?? '', /cannot/);
  assert.equal(mistake({}), undefined);
  assert.deepEqual(openings({ ...NODE_PORT, annotations: { 'postern.dev/firewall': 'off' } }), []);
});
