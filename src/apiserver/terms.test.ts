/** Writes of a leader's term, and of one that is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TERM_HEADER } from '../api/coordination/v1/term.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { type Json, LEASES, lease, NAMESPACES, startTestServer, type TestServer } from './testing/server.ts';

const LEADER = { holderIdentity: 'a', leaseDurationSeconds: 2, leaseTransitions: 4 };

async function lead(api: TestServer, spec: object = LEADER): Promise<Json> {
  const { code, body } = await api.call('POST', LEASES, { body: lease('leader', { spec }) });
  assert.equal(code, 201);
  return body;
}

function createWithin(api: TestServer, term: string, name: string) {
  return api.call('POST', LEASES, { body: lease(name), headers: { [TERM_HEADER]: term } });
}

test('what is asked for in a term is written until the term is over, however the lease is renewed', async (t) => {
  const api = await startTestServer();
  t.after(() => api.close());
  let held = await lead(api);
  const term = `default/leader ${held.metadata.uid}/4`;
  const change = async (spec: object) => {
    const { code, body } = await api.call('PUT', `${LEASES}/leader`, {
      body: { ...held, spec: { ...held.spec, ...spec } },
    });
    assert.equal(code, 200);
    held = body;
  };
  for (const i of [1, 2, 3]) {
    assert.equal((await createWithin(api, term, `renewed${i}`)).code, 201);
    await change({ renewTime: `2026-01-01T00:00:0${i}.000000Z` });
  }
  await change({ holderIdentity: 'b', leaseTransitions: 5 });
  const refused = await createWithin(api, term, 'late');
  assert.equal(refused.code, 409);
  assert.match(refused.body.message, /the term .*\/4, in which this was asked for, is over/);
  assert.equal((await api.call('GET', `${LEASES}/late`)).code, 404);
  // The next term is no other than its own.
  assert.equal((await createWithin(api, term.replace('/4', '/5'), 'next')).code, 201);
  const { holderIdentity: _, ...nobody } = held.spec;
  held = { ...held, spec: nobody };
  await change({});
  assert.equal((await createWithin(api, term.replace('/4', '/5'), 'released')).code, 409);
  await api.call('DELETE', `${LEASES}/leader`);
  await lead(api);
  assert.equal((await createWithin(api, term, 'namesake')).code, 409);
});

test('every kind of write is refused then, and nothing that only reads', async (t) => {
  const api = await startTestServer();
  t.after(() => api.close());
  await api.call('POST', LEASES, { body: lease('old') });
  const headers = { [TERM_HEADER]: 'default/nobody 12345678/1' };
  const patch = { body: { metadata: { labels: { a: 'b' } } }, type: 'application/merge-patch+json', headers };
  assert.equal((await api.call('PATCH', `${LEASES}/old`, patch)).code, 409);
  assert.equal((await api.call('DELETE', `${LEASES}/old`, { headers })).code, 409);
  assert.equal((await api.call('DELETE', LEASES, { headers })).code, 409);
  assert.equal((await api.call('PUT', `${NAMESPACES}/default/finalize`, { headers, body: {} })).code >= 400, true);
  assert.equal((await api.call('GET', `${LEASES}/old`, { headers })).code, 200);
  assert.equal((await api.call('GET', LEASES, { headers: { [TERM_HEADER]: 'nonsense' } })).code, 400);
});

test('a term that ends while the write is on its way to the store counts', async (t) => {
  const store = openMemoryStore();
  let meanwhile: (() => Promise<unknown>) | undefined;
  const slow: Store = {
    ...rest(store),
    txn: async (...args: Parameters<Store['txn']>) => {
      const wait = meanwhile;
      meanwhile = undefined;
      await wait?.();
      return store.txn(...args);
    },
  };
  const api = await startTestServer({ store: slow });
  t.after(() => api.close());
  const held = await lead(api);
  const term = `default/leader ${held.metadata.uid}/4`;
  assert.equal((await createWithin(api, term, 'before')).code, 201);
  const value = Buffer.from(JSON.stringify({ ...held, spec: { ...LEADER, holderIdentity: 'b', leaseTransitions: 5 } }));
  // By another server, so nothing of this one hears of it before.
  meanwhile = () => store.txn([], [{ kind: 'put', key: '/registry/leases/default/leader', value }]);
  assert.equal((await createWithin(api, term, 'after')).code, 409);
  assert.equal((await api.call('GET', `${LEASES}/after`)).code, 404);
});

/** What a store does besides writing. */
function rest(store: Store): Omit<Store, 'txn'> {
  return {
    revision: () => store.revision(),
    get: (...args) => store.get(...args),
    list: (...args) => store.list(...args),
    watch: (...args) => store.watch(...args),
    compact: (...args) => store.compact(...args),
    relax: () => store.relax(),
    close: () => store.close(),
  };
}
