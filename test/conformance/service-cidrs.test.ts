/** ServiceCIDRs and IPAddresses while the server runs: ranges are added, used up, and go when nothing is in them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Json,
  type Reply,
  SERVICES,
  service,
  startTestServer,
  type TestServer,
} from '../../src/apiserver/testing/server.ts';
import { type ControlledServer, startControlledServer, until as untilIn } from './controlled-server.ts';

const CIDRS = '/apis/networking.k8s.io/v1/servicecidrs';
const ADDRESSES = '/apis/networking.k8s.io/v1/ipaddresses';

let api: TestServer;
let cluster: ControlledServer;
before(async () => {
  // 6 usable addresses, of which the API's own Service has one.
  cluster = await startControlledServer({ serviceCIDRs: ['10.0.0.0/29'] });
  api = cluster.api;
});
after(() => cluster?.close());

const create = (name: string, spec: object = {}) => api.call('POST', SERVICES, { body: service(name, spec) });
const remove = (name: string) => api.call('DELETE', `${SERVICES}/${name}`);
const addRange = (name: string, ...cidrs: string[]): Promise<Reply> => {
  const body = { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name }, spec: { cidrs } };
  return api.call('POST', CIDRS, { body });
};

const until = (name: string, isIt: (object: Json) => boolean) => untilIn(api, CIDRS, name, isIt);
const readyOf = (range: Json) => range.status?.conditions?.find(({ type }: Json) => type === 'Ready');

test('the range of the options is the ServiceCIDR kubernetes, and becomes Ready', async () => {
  const range = await until('kubernetes', (range) => readyOf(range)?.status === 'True');
  assert.deepEqual(range.spec.cidrs, ['10.0.0.0/29']);
  assert.deepEqual(range.metadata.finalizers, ['networking.k8s.io/service-cidr-finalizer']);
});

test('each cluster IP is an IPAddress that names its Service', async () => {
  const { body } = await create('named');
  const found = await api.call('GET', `${ADDRESSES}/${body.spec.clusterIP}`);
  assert.deepEqual(found.body.spec, { parentRef: { resource: 'services', namespace: 'default', name: 'named' } });
  assert.deepEqual(found.body.metadata.labels, {
    'ipaddress.kubernetes.io/ip-family': 'IPv4',
    'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
  });
  await remove('named');
  assert.equal((await api.call('GET', `${ADDRESSES}/${body.spec.clusterIP}`)).code, 404);
});

test('an address that somebody reserved with an IPAddress is given to no Service', async () => {
  const spec = { parentRef: { group: 'gateway.networking.k8s.io', resource: 'gateways', namespace: 'n', name: 'g' } };
  const body = { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: { name: '10.0.0.5' }, spec };
  assert.equal((await api.call('POST', ADDRESSES, { body })).code, 201);
  const refused = await create('wants', { clusterIP: '10.0.0.5' });
  assert.match(refused.body.message, /failed to allocate IP 10\.0\.0\.5: provided IP is already allocated/);
  assert.equal((await api.call('DELETE', `${ADDRESSES}/10.0.0.5`)).code, 200);
});

test('ranges are added and removed while the server runs; one in use stays until it is free', async () => {
  const first: Json[] = [];
  for (let i = 0; i < 5; i++) first.push(await create(`first${i}`));
  assert.ok(first.every(({ code }) => code === 201));
  const full = await create('full');
  assert.deepEqual([full.code, full.body.reason], [500, 'InternalError']);
  assert.match(full.body.message, /all of 10\.0\.0\.0\/29 are allocated; delete a Service, or add a ServiceCIDR/);

  assert.equal((await addRange('more', '10.9.0.0/28')).code, 201);
  const grown = await create('grown');
  assert.match(grown.body.spec.clusterIP, /^10\.9\.0\./, grown.text);
  // Any of the range may have been given: ask for others.
  const [asked = '', free = ''] = ['10.9.0.14', '10.9.0.13', '10.9.0.3'].filter(
    (ip) => ip !== grown.body.spec.clusterIP,
  );
  assert.equal((await create('asked', { clusterIP: asked })).code, 201);

  assert.equal((await api.call('DELETE', `${CIDRS}/more`)).code, 200);
  const kept = await until('more', (range) => readyOf(range)?.status === 'False');
  assert.deepEqual([readyOf(kept).reason, kept.metadata.deletionTimestamp !== undefined], ['Terminating', true]);
  assert.match(readyOf(kept).message, /^There are still IPAddresses referencing the ServiceCIDR/);
  assert.ok(readyOf(kept).message.includes(asked), readyOf(kept).message);

  assert.equal((await create('late')).code, 500, 'nothing is given from a range that is going');
  const named = await create('late', { clusterIP: free });
  assert.match(
    named.body.message,
    /does not match the current range: ServiceCIDR more is not ready, or is being deleted/,
  );
  assert.equal((await api.call('GET', `${SERVICES}/grown`)).body.spec.clusterIP, grown.body.spec.clusterIP);

  await remove('grown');
  await remove('asked');
  assert.equal(await until('more', () => false), undefined, 'it goes with its last address');
  for (let i = 0; i < 5; i++) await remove(`first${i}`);
});

test('a range that contains another lets the other go at once', async () => {
  await addRange('small', '10.20.0.0/28');
  await create('inside', { clusterIP: '10.20.0.9' });
  await addRange('large', '10.20.0.0/24');
  await api.call('DELETE', `${CIDRS}/small`);
  assert.equal(await until('small', () => false), undefined);
  assert.equal((await create('there', { clusterIP: '10.20.0.9' })).code, 422, 'the address is still taken');
  await remove('inside');
  await api.call('DELETE', `${CIDRS}/large`);
  assert.equal(await until('large', () => false), undefined);
});

test('kubectl shows ranges and addresses as on Kubernetes', async () => {
  const accept = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
  const ranges = (await api.call('GET', CIDRS, { headers: accept })).body;
  assert.deepEqual(
    ranges.columnDefinitions.map(({ name }: Json) => name),
    ['Name', 'CIDRs', 'Age'],
  );
  assert.deepEqual(ranges.rows[0].cells.slice(0, 2), ['kubernetes', '10.0.0.0/29']);
  const addresses = (await api.call('GET', ADDRESSES, { headers: accept })).body;
  assert.deepEqual(
    addresses.columnDefinitions.map(({ name }: Json) => name),
    ['Name', 'ParentRef', 'Age'],
  );
  assert.deepEqual(addresses.rows[0].cells.slice(0, 2), ['10.0.0.1', 'services/default/kubernetes']);
});

test('options with a second family make the default range dual-stack at the next start', async () => {
  const single = await startTestServer({ serviceCIDRs: ['10.0.0.0/24'] });
  await single.server.close();
  const dual = await startTestServer({ store: single.store, serviceCIDRs: ['10.0.0.0/24', 'fd00::/120'] });
  try {
    assert.deepEqual((await dual.call('GET', `${CIDRS}/kubernetes`)).body.spec.cidrs, ['10.0.0.0/24', 'fd00::/120']);
    const { body } = await dual.call('POST', SERVICES, { body: service('b', { ipFamilyPolicy: 'RequireDualStack' }) });
    assert.deepEqual(body.spec.ipFamilies, ['IPv4', 'IPv6']);
  } finally {
    await dual.close();
    await single.close();
  }
});

test('options that contradict the default range leave it, and an Event says so', async () => {
  const old = await startTestServer({ serviceCIDRs: ['10.0.0.0/24'] });
  await old.server.close();
  const other = await startTestServer({ store: old.store, serviceCIDRs: ['10.1.0.0/24'] });
  try {
    assert.deepEqual((await other.call('GET', `${CIDRS}/kubernetes`)).body.spec.cidrs, ['10.0.0.0/24']);
    const events = (await other.call('GET', '/api/v1/namespaces/default/events')).body.items;
    const found = events.find(({ reason }: Json) => reason === 'KubernetesDefaultServiceCIDRInconsistent');
    assert.match(found.message, /\[10\.0\.0\.0\/24\] does not match the server's options \[10\.1\.0\.0\/24\]/);
  } finally {
    await other.close();
    await old.close();
  }
});
