/** A store is damaged by hand, the server mends it, and Events say what it did. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../../../store/memory/memory-store.ts';
import type { Store } from '../../../store/store.ts';
import { type Json, SERVICES, service, startTestServer, type TestServer } from '../../testing/server.ts';

const ADDRESSES = '/registry/ipaddresses/';
const PORTS = '/registry/postern.dev/nodeports/';
const SPECS = '/registry/services/specs/default/';

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** A server that is stopped, damaged and started again. */
async function afterDamage(
  prepare: (api: TestServer) => Promise<void>,
  damage: (store: Store) => Promise<void>,
  check: (api: TestServer) => Promise<void>,
): Promise<void> {
  const store = openMemoryStore();
  const first = await startTestServer({ store });
  await prepare(first);
  await first.server.close();
  await damage(store);
  const second = await startTestServer({ store });
  try {
    await check(second);
  } finally {
    await second.close();
    await first.close();
  }
}

/** `REASON: message` of the Events so far. */
async function events(api: TestServer): Promise<string[]> {
  const { body } = await api.call('GET', '/api/v1/namespaces/default/events');
  return body.items.map(({ reason, message }: Json) => `${reason}: ${message}`);
}

/** The Events, once there are as many. */
async function eventually(api: TestServer, count: number): Promise<string[]> {
  for (let i = 0; i < 500; i++) {
    const found = await events(api);
    if (found.length >= count) return found.sort();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return events(api);
}

const put = (store: Store, key: string, value: unknown) => store.txn([], [{ kind: 'put', key, value: json(value) }]);
const drop = (store: Store, key: string) => store.txn([], [{ kind: 'delete', key }]);
const spec = (more: object) => ({ type: 'NodePort', ...more });

async function keys(api: TestServer, prefix: string): Promise<string[]> {
  return (await api.store.list(prefix)).entries.map(({ key }) => key.slice(prefix.length));
}

test('an address and a port that a Service has and nobody holds are held for it again', () =>
  afterDamage(
    async (api) => {
      const ports = [{ port: 80, nodePort: 30111 }];
      await api.call('POST', SERVICES, { body: service('web', spec({ clusterIP: '10.96.0.77', ports })) });
    },
    async (store) => {
      await drop(store, `${ADDRESSES}10.96.0.77`);
      await drop(store, `${PORTS}30111`);
    },
    async (api) => {
      assert.deepEqual(await eventually(api, 2), [
        'ClusterIPNotAllocated: Cluster IP [IPv4]: 10.96.0.77 is not allocated; repairing',
        'PortNotAllocated: Port 30111 is not allocated; repairing',
      ]);
      const { body } = await api.call('GET', '/apis/networking.k8s.io/v1/ipaddresses/10.96.0.77');
      assert.deepEqual(body.spec.parentRef, { resource: 'services', namespace: 'default', name: 'web' });
      assert.ok((await keys(api, PORTS)).includes('30111'));
      const other = service('other', spec({ ports: [{ port: 80, nodePort: 30111 }] }));
      assert.equal((await api.call('POST', SERVICES, { body: other })).code, 422);
    },
  ));

test('an address and a port that are held for a Service that is not there are released', () =>
  afterDamage(
    async (api) => {
      const ports = [{ port: 80, nodePort: 30112 }];
      await api.call('POST', SERVICES, { body: service('gone', spec({ clusterIP: '10.96.0.78', ports })) });
    },
    async (store) => {
      await drop(store, `${SPECS}gone`);
    },
    async (api) => {
      assert.deepEqual(await eventually(api, 1), [
        'IPAddressNotAllocated: 10.96.0.78 for Service default/gone appears to have leaked: cleaning up',
      ]);
      const body = service('new', spec({ clusterIP: '10.96.0.78', ports: [{ port: 80, nodePort: 30112 }] }));
      for (let i = 0; i < 500 && (await keys(api, PORTS)).includes('30112'); i++) await events(api);
      assert.equal((await api.call('POST', SERVICES, { body })).code, 201);
    },
  ));

test('two Services with one address and one port are left to a person, who is told of it', () =>
  afterDamage(
    async (api) => {
      const ports = [{ port: 80, nodePort: 30113 }];
      await api.call('POST', SERVICES, { body: service('a', spec({ clusterIP: '10.96.0.79', ports })) });
    },
    async (store) => {
      const entry = await store.get(`${SPECS}a`);
      const copy = JSON.parse(Buffer.from(entry?.value ?? []).toString());
      await put(store, `${SPECS}b`, { ...copy, metadata: { ...copy.metadata, name: 'b', uid: 'other' } });
    },
    async (api) => {
      const why = 'was assigned to multiple services, also to default/a; please recreate service';
      assert.deepEqual(await eventually(api, 2), [
        `ClusterIPAlreadyAllocated: Cluster IP [IPv4]: 10.96.0.79 ${why}`,
        `PortAlreadyAllocated: Port 30113 ${why}`,
      ]);
      // Deleting the one too many takes nothing from the other.
      await api.call('DELETE', `${SERVICES}/b`);
      assert.ok((await keys(api, ADDRESSES)).includes('10.96.0.79'));
      assert.ok((await keys(api, PORTS)).includes('30113'));
    },
  ));

test('an address and a port outside of what the server gives are told', () =>
  afterDamage(
    async (api) => {
      await api.call('POST', SERVICES, { body: service('far', spec({ clusterIP: '10.96.0.80' })) });
    },
    async (store) => {
      const entry = await store.get(`${SPECS}far`);
      const object = JSON.parse(Buffer.from(entry?.value ?? []).toString());
      const moved = { clusterIP: '192.0.2.1', clusterIPs: ['192.0.2.1'], ports: [{ port: 80, nodePort: 20000 }] };
      await put(store, `${SPECS}far`, { ...object, spec: { ...object.spec, ...moved } });
    },
    async (api) => {
      const found = await eventually(api, 5);
      assert.ok(
        found.includes(
          'ClusterIPOutOfRange: Cluster IP [IPv4]: 192.0.2.1 is not within any configured Service CIDR; please recreate service',
        ),
        found.join('\n'),
      );
      assert.ok(found.includes('PortOutOfRange: Port 20000 is not within the port range; please recreate service'));
    },
  ));

test('an IPAddress that somebody deletes or turns to another owner is put right while the server runs', async () => {
  const api = await startTestServer();
  try {
    const { body } = await api.call('POST', SERVICES, { body: service('web') });
    const path = `/apis/networking.k8s.io/v1/ipaddresses/${body.spec.clusterIP}`;
    assert.equal((await api.call('DELETE', path)).code, 200);
    const [found] = await eventually(api, 1);
    assert.equal(found, `ClusterIPNotAllocated: Cluster IP [IPv4]: ${body.spec.clusterIP} is not allocated; repairing`);
    const again = await api.call('GET', path);
    assert.equal(again.body.spec.parentRef.name, 'web');
    const strip = { metadata: { labels: { 'ipaddress.kubernetes.io/managed-by': null } } };
    await api.call('PATCH', path, { body: strip, type: 'application/merge-patch+json' });
    assert.match((await eventually(api, 2)).join('\n'), /has a wrong reference; repairing/);
    const labels = (await api.call('GET', path)).body.metadata.labels;
    assert.equal(labels['ipaddress.kubernetes.io/managed-by'], 'ipallocator.k8s.io');
  } finally {
    await api.close();
  }
});

test('an address that somebody reserved is not taken for a leak', () =>
  afterDamage(
    async () => {},
    async (store) => {
      const metadata = { name: '10.96.0.90', uid: 'u' };
      const parentRef = { group: 'gateway.networking.k8s.io', resource: 'gateways', namespace: 'n', name: 'g' };
      const object = { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata, spec: { parentRef } };
      await put(store, `${ADDRESSES}10.96.0.90`, object);
      const leaked = { owner: { namespace: 'default', name: 'gone' } };
      await put(store, `${PORTS}30114`, leaked);
    },
    async (api) => {
      for (let i = 0; i < 500 && (await keys(api, PORTS)).includes('30114'); i++) await events(api);
      assert.ok(!(await keys(api, PORTS)).includes('30114'), 'the look has been');
      assert.ok((await keys(api, ADDRESSES)).includes('10.96.0.90'));
    },
  ));

test('the default ServiceCIDR comes back when it is deleted and nothing is in it', async () => {
  const api = await startTestServer({ serviceCIDRs: ['10.96.0.0/16'] });
  try {
    const path = '/apis/networking.k8s.io/v1/servicecidrs/kubernetes';
    const before = (await api.call('GET', path)).body.metadata.uid;
    await api.call('DELETE', path);
    const body = { metadata: { finalizers: null } };
    await api.call('PATCH', path, { body, type: 'application/merge-patch+json' });
    let found: Json;
    for (let i = 0; i < 500 && found === undefined; i++) {
      const { code, body } = await api.call('GET', path);
      if (code === 200 && body.metadata.uid !== before) found = body;
      else await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(found?.spec.cidrs, ['10.96.0.0/16']);
  } finally {
    await api.close();
  }
});
