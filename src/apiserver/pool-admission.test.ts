import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import { type Json, type Reply, startTestServer, type TestServer } from './testing/server.ts';

const POOLS = '/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools';
const NODE = '/api/v1/nodes/n1';

/** Two servers on one store, as any number may run. */
const store = openMemoryStore();
let api: TestServer;
let other: TestServer;
before(async () => {
  api = await startTestServer({ store });
  other = await startTestServer({ store });
  const spec = { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] };
  await api.call('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec } });
  const addresses = [
    { type: 'InternalIP', address: '192.0.2.9' },
    { type: 'InternalIP', address: '2001:db8::9' },
    { type: 'Hostname', address: '198.51.100.9' },
  ];
  const status = [{ op: 'add', path: '/status', value: { addresses } }];
  const patched = await api.call('PATCH', `${NODE}/status`, { body: status, type: 'application/json-patch+json' });
  assert.equal(patched.code, 200, patched.text);
});
after(async () => {
  await other?.server.close();
  await api?.close();
});
beforeEach(async () => {
  assert.equal((await api.call('DELETE', POOLS)).code, 200);
});

const pool = (name: string, ...addresses: readonly string[]) => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'IPAddressPool',
  metadata: { name },
  spec: { addresses },
});
const make = (name: string, ...addresses: readonly string[]) =>
  api.call('POST', POOLS, { body: pool(name, ...addresses) });
const mistakes = ({ body }: Reply) => body.details.causes.map(({ field, message }: Json) => `${field}: ${message}`);

test('a pool that shares addresses with others is refused, with every range and whose it is', async () => {
  assert.equal((await make('one', '10.0.0.0/24', '2001:db8:1::/64')).code, 201);
  assert.equal((await make('two', '10.0.1.10-10.0.1.20')).code, 201);
  const refused = await make('three', '10.0.0.250-10.0.1.3', '10.0.2.0/24', '10.0.1.16/28', '2001:db8:1::7/128');
  assert.equal(refused.code, 422);
  assert.deepEqual(mistakes(refused), [
    'spec.addresses[0]: Invalid value: "10.0.0.250-10.0.1.3": overlaps with 10.0.0.0/24 of IPAddressPool metallb-system/one',
    'spec.addresses[2]: Invalid value: "10.0.1.16/28": overlaps with 10.0.1.10-10.0.1.20 of IPAddressPool metallb-system/two',
    'spec.addresses[3]: Invalid value: "2001:db8:1::7/128": overlaps with 2001:db8:1::/64 of IPAddressPool metallb-system/one',
  ]);
});

test('pools of other namespaces count as well', async () => {
  await make('one', '10.0.0.0/24');
  const elsewhere = '/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools';
  assert.equal((await api.call('POST', elsewhere, { body: pool('one', '10.0.0.0/24') })).code, 422);
});

test('a pool that grows into another is refused, and stays as it was', async () => {
  await make('one', '10.0.0.0/24');
  await make('two', '10.0.1.0/24');
  const body = [{ op: 'replace', path: '/spec/addresses', value: ['10.0.0.0/23'] }];
  const refused = await api.call('PATCH', `${POOLS}/two`, { body, type: 'application/json-patch+json' });
  assert.match(refused.text, /overlaps with 10\.0\.0\.0\/24 of IPAddressPool metallb-system\/one/);
  assert.deepEqual((await api.call('GET', `${POOLS}/two`)).body.spec.addresses, ['10.0.1.0/24']);
  await api.call('DELETE', `${POOLS}/one`);
  assert.equal((await api.call('PATCH', `${POOLS}/two`, { body, type: 'application/json-patch+json' })).code, 200);
});

test('a pool may take in more of what only it has', async () => {
  await make('one', '10.0.0.0/24');
  const body = [{ op: 'replace', path: '/spec/addresses', value: ['10.0.0.0/25', '10.0.0.128-10.0.3.255'] }];
  assert.equal((await api.call('PATCH', `${POOLS}/one`, { body, type: 'application/json-patch+json' })).code, 200);
});

test('a pool that holds an address of a node is refused', async () => {
  assert.deepEqual(mistakes(await make('one', '192.0.2.0/24', '2001:db8::/120', '198.51.100.0/24')), [
    'spec.addresses[0]: Invalid value: "192.0.2.0/24": overlaps with 192.0.2.9, the InternalIP of Node n1',
    'spec.addresses[1]: Invalid value: "2001:db8::/120": overlaps with 2001:db8::9, the InternalIP of Node n1',
  ]);
});

test('a pool that holds addresses of pods or cluster IPs is refused', async () => {
  assert.deepEqual(mistakes(await make('one', '10.244.0.0/16', '10.96.3.0/24', 'fd00:10:96::7/128', '10.97.0.0/16')), [
    'spec.addresses[0]: Invalid value: "10.244.0.0/16": overlaps with 10.244.1.0/24, the pods of Node n1',
    'spec.addresses[1]: Invalid value: "10.96.3.0/24": overlaps with 10.96.0.0/16, the cluster IPs of ServiceCIDR kubernetes',
    'spec.addresses[2]: Invalid value: "fd00:10:96::7/128": overlaps with fd00:10:96::/112, the cluster IPs of ServiceCIDR kubernetes',
  ]);
});

test('of pools that come at the same time, on any server, one has an address', async () => {
  for (let round = 0; round < 10; round++) {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        (i % 2 === 0 ? api : other).call('POST', POOLS, {
          body: pool(`p${round}-${i}`, `10.0.${round}.${i}-10.0.${round}.99`),
        }),
      ),
    );
    assert.deepEqual(replies.map(({ code }) => code).sort(), [201, ...Array.from({ length: 7 }, () => 422)]);
  }
});

test('pools that came to overlap in another way can still be written, and mended', async () => {
  await make('one', '10.0.0.0/24');
  const { body: two } = await make('two', '10.0.1.0/24');
  const key = '/registry/metallb.io/ipaddresspools/metallb-system/two';
  const entry = await store.get(key);
  const value = Buffer.from(JSON.stringify({ ...two, spec: { addresses: ['10.0.0.0/16'] } }));
  await store.txn([{ key, modified: entry?.modified ?? 0 }], [{ kind: 'put', key, value }]);
  const labels = [{ op: 'add', path: '/metadata/labels', value: { a: 'b' } }];
  const type = 'application/json-patch+json';
  assert.equal((await api.call('PATCH', `${POOLS}/two`, { body: labels, type })).code, 200);
  const body = [{ op: 'replace', path: '/spec/addresses', value: ['10.0.1.0/24'] }];
  assert.equal((await api.call('PATCH', `${POOLS}/two`, { body, type })).code, 200);
});
