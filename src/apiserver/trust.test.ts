/** What a server trusts to be as it last read it, while another server on the same store writes. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { fileScope } from '../store/etcd/etcd.fixture.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { type Json, lease, NAMESPACES, startTestServer, type TestServer } from './testing/server.ts';

const leasesOf = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

describe('of two servers, each', () => {
  const scope = fileScope();
  /** Keys that the first has read, one by one. */
  const read: string[] = [];
  let one: TestServer;
  let two: TestServer;

  before(async () => {
    const store = openMemoryStore();
    one = await startTestServer({ store: noting(store, read) });
    two = await startTestServer({ store });
    scope.after(() => two.close().then(() => one.close()));
  });

  const create = (api: TestServer, namespace: string, name: string, query = '') =>
    api.call('POST', leasesOf(namespace) + query, { body: lease(name, { metadata: { namespace } }) });

  /** A namespace that the first has made something in. */
  async function known(name: string): Promise<Json> {
    const { body } = await one.call('POST', NAMESPACES, {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    });
    assert.equal((await create(one, name, 'first')).code, 201);
    return body;
  }

  it('makes objects in a namespace that it knows by the transaction alone', async () => {
    await known('quiet');
    read.length = 0;
    assert.equal((await create(one, 'quiet', 'second')).code, 201);
    assert.deepEqual(
      read.filter((key) => key.includes('quiet')),
      [],
    );
  });

  it('makes nothing in a namespace that the other has found to be going, or that is gone', async () => {
    await known('going');
    const going = await two.call('DELETE', `${NAMESPACES}/going`);
    assert.equal(going.body.status.phase, 'Terminating');
    for (const query of ['?dryRun=All', '', '']) {
      const { code, body } = await create(one, 'going', 'late', query);
      assert.deepEqual([code, body.details.causes[0].reason], [403, 'NamespaceTerminating']);
    }
    assert.equal((await one.call('GET', `${leasesOf('going')}/late`)).code, 404);

    const gone = await known('gone');
    assert.equal((await two.call('DELETE', `${leasesOf('gone')}/first`)).code, 200);
    const { body } = await two.call('DELETE', `${NAMESPACES}/gone`);
    const finalized = { ...body, spec: { finalizers: [] } };
    assert.equal((await two.call('PUT', `${NAMESPACES}/gone/finalize`, { body: finalized })).code, 200);
    assert.equal((await two.call('GET', `${NAMESPACES}/gone`)).code, 404);
    for (const query of ['', '?dryRun=All']) {
      const { code, body } = await create(one, 'gone', 'late', query);
      assert.deepEqual([code, body.message], [404, 'namespaces "gone" not found']);
    }
    // Another of its name is another.
    const again = await two.call('POST', NAMESPACES, { body: { ...gone, metadata: { name: 'gone' } } });
    assert.equal(again.code, 201);
    assert.equal((await create(one, 'gone', 'late')).code, 201);
  });

  it('makes objects in a namespace that the other has changed otherwise', async () => {
    await known('labelled');
    for (const label of ['a', 'b']) {
      const type = 'application/merge-patch+json';
      await two.call('PATCH', `${NAMESPACES}/labelled`, { type, body: { metadata: { labels: { label } } } });
      assert.equal((await create(one, 'labelled', label)).code, 201);
    }
  });

  it('says that a name is taken which the other has given, after what else is wrong', async () => {
    await known('taken');
    assert.equal((await create(two, 'taken', 'name')).code, 201);
    for (const query of ['', '?dryRun=All']) {
      const { code, body } = await create(one, 'taken', 'name', query);
      assert.deepEqual([code, body.reason], [409, 'AlreadyExists']);
      assert.equal(body.message, 'leases.coordination.k8s.io "name" already exists');
    }
    await two.call('DELETE', `${NAMESPACES}/taken`);
    const { code, body } = await create(one, 'taken', 'name');
    assert.deepEqual([code, body.details.causes[0].reason], [403, 'NamespaceTerminating']);
    // Free again, it is given again.
    assert.equal((await two.call('DELETE', `${leasesOf('quiet')}/first`)).code, 200);
    assert.equal((await create(one, 'quiet', 'first')).code, 201);
  });

  it('gives each object once, however many ask both for it', async () => {
    await known('crowd');
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => create(i % 2 === 0 ? one : two, 'crowd', `l${i >> 2}`)),
    );
    assert.equal(answers.filter(({ code }) => code === 201).length, 10);
    assert.equal(answers.filter(({ code }) => code === 409).length, 30);
  });
});

/** The store, which notes what is read of it key by key. */
function noting(store: Store, read: string[]): Store {
  return {
    revision: () => store.revision(),
    get: (key, revision) => {
      read.push(key);
      return store.get(key, revision);
    },
    list: (...args) => store.list(...args),
    txn: (...args) => store.txn(...args),
    watch: (...args) => store.watch(...args),
    compact: (...args) => store.compact(...args),
    relax: () => store.relax(),
    close: () => store.close(),
  };
}
