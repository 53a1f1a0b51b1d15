import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Opening } from '../backend.ts';
import { type ServiceParts, service } from '../testing.ts';
import { clusterTries, serviceTries } from './desired.ts';
import { type Peer, peerOf } from './peers.ts';
import { slice, tryingNode } from './testing.ts';

const peer = (name: string, ips: readonly string[]): Peer => {
  const found = peerOf(tryingNode(name, ips));
  if (found === undefined) throw new Error(`${name} is no peer`);
  return found;
};
const [target, trier] = [peer('a', ['192.0.2.1', '2001:db8::1']), peer('b', ['192.0.2.2', '2001:db8::2'])];
const NODE_PORT: ServiceParts = {
  type: 'NodePort',
  clusterIPs: ['10.96.0.9'],
  ports: [{ port: 80, nodePort: 30_080 }],
};

const tries = (parts: ServiceParts, slices = [slice('web', ['a', 'b'])], from = trier, announces = false) =>
  serviceTries({
    ...{ service: service('web', { ...NODE_PORT, ...parts }), slices, target, trier: from },
    ...{ announces, policy: 'managed' },
  }).map(
    ({ opening, from, endpoints }) => `${opening.address} ${opening.port} from ${from}, ${endpoints.length} behind`,
  );
const WEB = '192.0.2.1 30080 from 192.0.2.2, 2 behind';

test('node ports are tried at the other node’s addresses, from one’s own, in the families of the Service', () => {
  assert.deepEqual(tries({}), [WEB]);
  const ipv6 = { ...slice('web', ['b']), addressType: 'IPv6' };
  assert.deepEqual(tries({ clusterIPs: ['10.96.0.9', 'fd00:10:96::9'] }, [slice('web', ['a', 'b']), ipv6 as never]), [
    WEB,
    '2001:db8::1 30080 from 2001:db8::2, 1 behind',
  ]);
  assert.deepEqual(tries({}, undefined, peer('c', ['2001:db8::3'])), []);
});

const cases: readonly (readonly [string, ServiceParts, readonly string[]])[] = [
  ['the Service says no', { annotations: { 'postern.dev/firewall-verify': 'false' } }, []],
  ['the Service says something else than no', { annotations: { 'postern.dev/firewall-verify': 'no' } }, [WEB]],
  ['its firewall is left alone', { annotations: { 'postern.dev/firewall': 'none' } }, []],
  ['who gets there is for the zone to say', { annotations: { 'postern.dev/firewall': 'enforce' } }, []],
  ['it is opened on other nodes only', { annotations: { 'postern.dev/firewall-nodes': 'edge' } }, []],
  ['nobody answers datagrams', { ports: [{ port: 53, nodePort: 30_053, protocol: 'UDP' }] }, []],
];
for (const [why, parts, expected] of cases) {
  test(`what is tried where ${why}`, () => assert.deepEqual(tries(parts), expected));
}

test('nothing is tried where nobody would answer', () => {
  assert.deepEqual(tries({}, []), []);
  assert.deepEqual(tries({}, [slice('web', ['a'], false)]), []);
  assert.deepEqual(tries({ externalTrafficPolicy: 'Local' }, [slice('web', ['b'])]), []);
  assert.deepEqual(tries({ externalTrafficPolicy: 'Local' }), ['192.0.2.1 30080 from 192.0.2.2, 1 behind']);
});

test('of a load balancer, the port for health checks is tried too, and its address at whoever answers for it', () => {
  const parts: ServiceParts = {
    ...{ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 32_000 },
    ingress: [{ ip: '192.0.2.200' }],
  };
  const own = ['192.0.2.1 30080 from 192.0.2.2, 1 behind', '192.0.2.1 32000 from 192.0.2.2, 0 behind'];
  const address = '192.0.2.200 80 from 192.0.2.2, 1 behind';
  const sorted = (more: ServiceParts, announces: boolean) =>
    tries({ ...parts, ...more }, undefined, undefined, announces).toSorted();
  assert.deepEqual(sorted({}, false), own);
  assert.deepEqual(sorted({}, true), [...own, address].sort());
  assert.deepEqual(sorted({ loadBalancerSourceRanges: ['203.0.113.0/24'] }, true), own);
  assert.deepEqual(sorted({ loadBalancerSourceRanges: ['192.0.2.0/24'] }, true), [...own, address].sort());
});

test('what is not for this node is not tried', () => {
  const opening: Opening = {
    ...{ owner: 'cluster', kind: 'api', family: 'IPv4', address: '192.0.2.1', protocol: 'tcp', port: 6443 },
    policy: 'managed',
  };
  const from = (sources: readonly string[]) => clusterTries([{ ...opening, sources }], trier, target).length;
  assert.deepEqual([from(['192.0.2.2/32']), from(['192.0.2.0/24']), from(['192.0.2.3/32']), from([])], [1, 1, 0, 0]);
});
