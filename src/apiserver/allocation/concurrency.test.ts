/** Many at once, on one server and on two that share a store: no address and no port is ever given twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { type Json, type Reply, SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';
import { assertSound } from './testing.ts';

const spec = {
  type: 'LoadBalancer',
  externalTrafficPolicy: 'Local',
  ipFamilyPolicy: 'RequireDualStack',
  ports: [
    { name: 'a', port: 80 },
    { name: 'b', port: 81 },
  ],
};

/** Every address and port of the answers. */
function given(replies: readonly Reply[]): readonly (string | number)[] {
  return replies.flatMap(({ body }) => [
    ...body.spec.clusterIPs,
    ...body.spec.ports.map(({ nodePort }: Json) => nodePort),
    body.spec.healthCheckNodePort,
  ]);
}

const make = (api: TestServer, name: string, spec: object) => api.call('POST', SERVICES, { body: service(name, spec) });

test('a hundred creates at once get an address of each family, two ports and a health check port each, none twice', async () => {
  const api = await startTestServer();
  try {
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => make(api, `s${i}`, spec)));
    assert.deepEqual([...new Set(replies.map(({ code }) => code))], [201]);
    const all = given(replies);
    assert.equal(all.length, 500);
    assert.equal(new Set(all).size, 500);
    await assertSound(api.store);
  } finally {
    await api.close();
  }
});

test('a hundred creates at once on two servers with one store share out what there is, none twice', async () => {
  const store = openMemoryStore();
  const options = { store, serviceCIDRs: ['10.0.0.0/25'], nodePortRange: { first: 30000, last: 30119 } };
  const [one, two] = [await startTestServer(options), await startTestServer(options)];
  try {
    const wanted = { type: 'NodePort' };
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) => make(i % 2 === 0 ? one : two, `s${i}`, wanted)),
    );
    assert.deepEqual([...new Set(replies.map(({ code, text }) => (code === 201 ? code : text)))], [201]);
    assert.equal(new Set(replies.map(({ body }) => body.spec.clusterIP)).size, 100);
    assert.equal(new Set(replies.map(({ body }) => body.spec.ports[0].nodePort)).size, 100);
    await assertSound(store, options.nodePortRange);
  } finally {
    await two.server.close();
    await one.close();
    await two.close();
  }
});

test('of a hundred who ask for one address and one port at once, one gets them', async () => {
  const api = await startTestServer();
  try {
    const wanted = { type: 'NodePort', clusterIP: '10.96.0.40', ports: [{ port: 80, nodePort: 30040 }] };
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => make(api, `s${i}`, wanted)));
    assert.equal(replies.filter(({ code }) => code === 201).length, 1);
    const others = replies.filter(({ code }) => code !== 201);
    assert.ok(others.every(({ code, body }) => code === 422 && /already allocated/.test(body.message)));
    await assertSound(api.store);
  } finally {
    await api.close();
  }
});

test('creates, changes and deletes of the same Services at once leave claims as the Services say', async () => {
  const api = await startTestServer({ nodePortRange: { first: 30000, last: 30040 } });
  try {
    const type = 'application/merge-patch+json';
    const changes = [
      { type: 'NodePort' },
      { type: 'ClusterIP' },
      { ipFamilyPolicy: 'PreferDualStack' },
      { ipFamilyPolicy: 'SingleStack' },
    ];
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => {
        const name = `s${i % 10}`;
        if (i % 5 === 0) return make(api, name, { type: 'NodePort' });
        if (i % 5 === 4) return api.call('DELETE', `${SERVICES}/${name}`);
        return api.call('PATCH', `${SERVICES}/${name}`, { body: { spec: changes[i % 4] }, type });
      }),
    );
    await assertSound(api.store, { first: 30000, last: 30040 });
  } finally {
    await api.close();
  }
});
