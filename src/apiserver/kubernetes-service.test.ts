import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { type Json, SERVICES, startTestServer, type TestServer } from './testing/server.ts';

const ENDPOINTS = '/api/v1/namespaces/default/endpoints';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

const clock = new FakeClock(Date.now());
let advertised = ['fd00::5', '192.0.2.5'];
let api: TestServer;
before(async () => {
  api = await startTestServer({ clock, advertise: () => advertised });
});
after(() => api?.close());

const get = async (path: string): Promise<Json> => (await api.call('GET', `${path}/kubernetes`)).body;

/** Lets the server look after its Service once, and waits until `holds`. */
async function afterALook(holds: () => Promise<boolean>): Promise<void> {
  await clock.advance(10_000);
  for (let i = 0; i < 200; i++) if (await holds()) return;
  assert.fail('it never came to hold');
}

test('default/kubernetes is there from the start, with the first address of the first range', async () => {
  const { spec, metadata } = await get(SERVICES);
  assert.deepEqual(metadata.labels, { component: 'apiserver', provider: 'kubernetes' });
  assert.deepEqual([spec.clusterIP, spec.selector], ['10.96.0.1', undefined]);
  assert.deepEqual(spec.ports, [{ name: 'https', protocol: 'TCP', port: 443, targetPort: api.server.port }]);
});

test('its Endpoints and its EndpointSlice have the advertised address of its family', async () => {
  const port = { name: 'https', port: api.server.port, protocol: 'TCP' };
  const endpoints = await get(ENDPOINTS);
  assert.deepEqual(endpoints.subsets, [{ addresses: [{ ip: '192.0.2.5' }], ports: [port] }]);
  assert.equal(endpoints.metadata.labels['endpointslice.kubernetes.io/skip-mirror'], 'true');
  const slice = await get(SLICES);
  assert.deepEqual(slice.metadata.labels, { 'kubernetes.io/service-name': 'kubernetes' });
  assert.deepEqual(
    [slice.addressType, slice.endpoints, slice.ports],
    ['IPv4', [{ addresses: ['192.0.2.5'], conditions: { ready: true } }], [port]],
  );
});

test('nothing is written while nothing differs', async () => {
  const versions = async () => {
    const all = await Promise.all([SERVICES, ENDPOINTS, SLICES].map(get));
    return all.map(({ metadata }) => metadata.resourceVersion);
  };
  const before = await versions();
  await clock.advance(10_000);
  // A write and its answer come after whatever the look has begun.
  await api.call('GET', SERVICES);
  assert.deepEqual(await versions(), before);
});

for (const path of [SERVICES, ENDPOINTS, SLICES]) {
  test(`${path.slice(path.lastIndexOf('/') + 1)} kubernetes comes back after it was deleted`, async () => {
    assert.equal((await api.call('DELETE', `${path}/kubernetes`)).code, 200);
    await afterALook(async () => (await api.call('GET', `${path}/kubernetes`)).code === 200);
  });
}

test('what somebody changes in it is put right, and labels of others stay', async () => {
  const body = { metadata: { labels: { mine: 'yes' } }, spec: { type: 'NodePort', selector: { app: 'x' } } };
  await api.call('PATCH', `${SERVICES}/kubernetes`, { body, type: 'application/merge-patch+json' });
  await afterALook(async () => (await get(SERVICES)).spec.type === 'ClusterIP');
  const { metadata, spec } = await get(SERVICES);
  assert.equal(metadata.labels.mine, 'yes');
  assert.equal(spec.ports[0].nodePort, undefined);
});

test('its endpoints follow the address of the machine', async () => {
  advertised = ['192.0.2.6'];
  await afterALook(async () => (await get(SLICES)).endpoints[0]?.addresses[0] === '192.0.2.6');
  await afterALook(async () => (await get(ENDPOINTS)).subsets[0]?.addresses[0]?.ip === '192.0.2.6');
});

test('every answer about Endpoints warns that EndpointSlices took their place', async () => {
  const { headers } = await api.call('GET', ENDPOINTS);
  assert.match(
    String(headers.warning),
    /v1 Endpoints is deprecated in v1\.33\+; use discovery\.k8s\.io\/v1 EndpointSlice/,
  );
});
