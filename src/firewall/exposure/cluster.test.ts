import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseCIDR } from '../../lib/ip.ts';
import { apiSlice, lines, node } from '../testing.ts';
import { clusterOpenings, isOfAPI } from './cluster.ts';

const SELF = node('a', ['192.0.2.1', '2001:db8::1']);
const PLACE = { nodeName: 'a', addresses: ['192.0.2.1', '2001:db8::1'], heartbeatPort: 7952 };

test('health of the proxy is for those who are named, and nodes; for nobody where none are', () => {
  const place = { ...PLACE, heartbeatPort: undefined };
  const nodes = [node('a', ['192.0.2.1', '2001:db8::1']), node('b', ['192.0.2.2', '2001:db8::2'])];
  const at = (...from: readonly string[]) =>
    lines(clusterOpenings(nodes, [], { ...place, proxyHealth: { port: 10_256, from: from.map(mustParseCIDR) } }));
  assert.deepEqual(at(), []);
  assert.deepEqual(at('10.0.0.0/24'), ['tcp 192.0.2.1 10256 proxy-health of cluster from 10.0.0.0/24 192.0.2.2/32']);
  assert.equal(
    clusterOpenings(nodes.slice(0, 1), [], {
      ...place,
      proxyHealth: { port: 10_256, from: [mustParseCIDR('10.0.0.0/24')] },
    }).length,
    1,
  );
});

test('heartbeats are let in from the other nodes, each family from its own addresses', () => {
  const others = [node('c', ['192.0.2.3', '2001:db8::3']), node('b', ['192.0.2.2', 'no address'])];
  assert.deepEqual(lines(clusterOpenings([SELF, ...others], [], PLACE)), [
    'udp 192.0.2.1 7952 heartbeats of cluster from 192.0.2.2/32 192.0.2.3/32',
    'udp 2001:db8::1 7952 heartbeats of cluster from 2001:db8::3/128',
  ]);
});

test('packets for pods within others are let in from the other nodes, where nodes send such', () => {
  const nodes = [SELF, node('b', ['192.0.2.2'])];
  const place = { ...PLACE, heartbeatPort: undefined, vxlanPort: 4789 };
  assert.deepEqual(lines(clusterOpenings(nodes, [], place)), ['udp 192.0.2.1 4789 vxlan of cluster from 192.0.2.2/32']);
  assert.deepEqual(clusterOpenings([SELF], [], place), []);
});

test('addresses of a node that are not on the LAN let nobody in', () => {
  const abroad = node('b', ['192.0.2.2']);
  const addresses = [...(abroad.status?.addresses ?? []), { type: 'ExternalIP', address: '198.51.100.2' }];
  assert.deepEqual(lines(clusterOpenings([SELF, { ...abroad, status: { addresses } }], [], PLACE)), [
    'udp 192.0.2.1 7952 heartbeats of cluster from 192.0.2.2/32',
  ]);
});

test('a node that is alone, or sends none, lets nobody in', () => {
  assert.deepEqual(clusterOpenings([SELF], [apiSlice('192.0.2.1')], PLACE), []);
  const quiet = { ...PLACE, heartbeatPort: undefined };
  assert.deepEqual(clusterOpenings([SELF, node('b', ['192.0.2.2'])], [], quiet), []);
});

test('the API is let in where it is served, and nowhere else', () => {
  const nodes = [SELF, node('b', ['192.0.2.2'])];
  const quiet = { ...PLACE, heartbeatPort: undefined };
  assert.deepEqual(lines(clusterOpenings(nodes, [apiSlice('192.0.2.1')], quiet)), [
    'tcp 192.0.2.1 6443 api of cluster from 192.0.2.2/32',
  ]);
  assert.deepEqual(clusterOpenings(nodes, [apiSlice('192.0.2.2')], quiet), []);
});

test('only the slices of default/kubernetes say where the API is', () => {
  assert.equal(isOfAPI(apiSlice('192.0.2.1')), true);
  const { metadata, ...rest } = apiSlice('192.0.2.1');
  assert.equal(isOfAPI({ ...rest, metadata: { ...metadata, namespace: 'n' } }), false);
  assert.equal(isOfAPI({ ...rest, metadata: { ...metadata, labels: {} } }), false);
});
