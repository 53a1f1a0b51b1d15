/**
 * What every Client promises, as tests: run by the fake and by the HTTP client against the real API server. That the
 * fake passes is what makes it worth trusting.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Namespace } from '../api/core/v1/namespace.ts';
import { Pod } from '../api/core/v1/pod.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts';
import type { Client, WatchEvent } from './client.ts';

/** How a suite gets a client; `close` undoes it. */
export interface ContractSetup {
  readonly client: Client;
  close(): Promise<void> | void;
}

const namespace = 'contract';

function lease(name: string, holder = 'a', labels: Record<string, string> = {}): Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, labels },
    spec: { holderIdentity: holder },
  };
}

function pod(name: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { nodeName: 'node1', containers: [{ name: 'c', image: 'i' }] },
  };
}

/** Registers the suite under `name`. `open` is called once. */
export function clientContract(name: string, open: () => Promise<ContractSetup> | ContractSetup): void {
  describe(`${name} keeps the contract of a client`, () => {
    let setup: ContractSetup;
    let client: Client;
    before(async () => {
      setup = await open();
      client = setup.client;
      await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    });
    after(() => setup.close());

    it('creates, fills in what the server owns, and refuses a second of the same name', async () => {
      const created = await client.create(Lease, lease('one'));
      assert.equal(created.metadata.generation ?? 1, 1);
      assert.ok(created.metadata.uid && created.metadata.resourceVersion && created.metadata.creationTimestamp);
      assert.deepEqual(await client.get(Lease, { namespace, name: 'one' }), created);
      await assert.rejects(client.create(Lease, lease('one')), isAlreadyExists);
    });

    it('completes generateName', async () => {
      const { name: _, ...metadata } = lease('x').metadata;
      const created = await client.create(Lease, { ...lease('x'), metadata: { ...metadata, generateName: 'gen-' } });
      assert.match(created.metadata.name ?? '', /^gen-.{5}$/);
    });

    it('answers NotFound for what does not exist', async () => {
      const key = { namespace, name: 'none' };
      await assert.rejects(client.get(Lease, key), isNotFound);
      await assert.rejects(client.update(Lease, lease('none')), isNotFound);
      await assert.rejects(client.patch(Lease, key, { type: 'merge', body: {} }), isNotFound);
      await assert.rejects(client.delete(Lease, key), isNotFound);
    });

    it('refuses an update of a version that is no longer the current one', async () => {
      const first = await client.create(Lease, lease('versioned'));
      const second = await client.update(Lease, { ...first, spec: { holderIdentity: 'b' } });
      assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
      await assert.rejects(client.update(Lease, { ...first, spec: { holderIdentity: 'c' } }), isConflict);
    });

    it('writes nothing for an update that changes nothing', async () => {
      const first = await client.create(Lease, lease('same'));
      const second = await client.update(Lease, first);
      assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    });

    it('patches by merge and by operations', async () => {
      await client.create(Lease, lease('patched'));
      const key = { namespace, name: 'patched' };
      await client.patch(Lease, key, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
      const operations = [{ op: 'replace', path: '/spec/holderIdentity', value: 'z' }];
      const result = await client.patch(Lease, key, { type: 'json', operations });
      assert.equal(result.spec?.holderIdentity, 'z');
      assert.deepEqual(result.metadata.labels, { a: 'b' });
    });

    it('keeps status and the rest apart', async () => {
      const created = await client.create(Pod, { ...pod('status'), status: { message: 'ignored' } });
      assert.notEqual(created.status?.message, 'ignored');
      const key = { namespace, name: 'status' };
      const written = await client.updateStatus(Pod, { ...created, status: { ...created.status, podIP: '10.0.0.1' } });
      assert.equal(written.status?.podIP, '10.0.0.1');
      const labelled = {
        ...written,
        metadata: { ...written.metadata, labels: { a: 'b' } },
        status: { podIP: '10.0.0.9' },
      };
      const updated = await client.update(Pod, labelled);
      assert.equal(updated.status?.podIP, '10.0.0.1');
      assert.equal(updated.metadata.generation ?? 1, created.metadata.generation ?? 1);
      const patched = await client.patch(
        Pod,
        key,
        { type: 'merge', body: { status: { podIP: '10.0.0.2' } } },
        'status',
      );
      assert.equal(patched.status?.podIP, '10.0.0.2');
      assert.deepEqual(patched.metadata.labels, { a: 'b' });
      const annotated = { ...patched, metadata: { ...patched.metadata, annotations: { c: 'd' } } };
      const { metadata, spec } = await client.updateStatus(Pod, { ...annotated, spec: {} } as Pod);
      assert.deepEqual([metadata.annotations, spec], [{ c: 'd' }, patched.spec]);
      await client.delete(Pod, key, { gracePeriodSeconds: 0 });
    });

    it('lists by namespace, labels and fields', async () => {
      await client.create(Lease, lease('red', 'a', { colour: 'red' }));
      await client.create(Lease, lease('blue', 'a', { colour: 'blue' }));
      const names = async (options: object) =>
        (await client.list(Lease, { namespace, ...options })).items.map((item) => item.metadata.name);
      assert.deepEqual(await names({ labelSelector: 'colour' }), ['blue', 'red']);
      assert.deepEqual(await names({ labelSelector: 'colour in (red,green)' }), ['red']);
      assert.deepEqual(await names({ fieldSelector: 'metadata.name=blue' }), ['blue']);
      assert.deepEqual((await client.list(Lease, { namespace: 'elsewhere' })).items, []);
      const [item] = (await client.list(Lease, { namespace, labelSelector: 'colour=red' })).items;
      assert.deepEqual([item?.apiVersion, item?.kind], ['coordination.k8s.io/v1', 'Lease']);
    });

    it('says that a watch has been begun, though nothing changes', async () => {
      const { resourceVersion } = await client.list(Lease, { namespace });
      const ended = new AbortController();
      const { promise, resolve: opened } = Promise.withResolvers<void>();
      const changes = client.watch(Lease, { namespace, resourceVersion, opened }, ended.signal);
      const first = changes[Symbol.asyncIterator]().next();
      await promise;
      ended.abort();
      assert.deepEqual(await first, { done: true, value: undefined });
    });

    it('watches from a list without a gap, as the selector sees it, until the signal', async () => {
      const { resourceVersion } = await client.list(Lease, { namespace });
      const created = await client.create(Lease, lease('watched', 'a', { watched: 'yes' }));
      const ended = new AbortController();
      const seen: [string, string | undefined][] = [];
      const options = { namespace, labelSelector: 'watched=yes', resourceVersion };
      const changes = client.watch(Lease, options, ended.signal);
      const next = reader(changes, seen);
      await next();
      const second = await client.update(Lease, { ...created, spec: { holderIdentity: 'b' } });
      await next();
      await client.update(Lease, { ...second, metadata: { ...second.metadata, labels: {} } });
      await next();
      await client.patch(
        Lease,
        { namespace, name: 'watched' },
        { type: 'merge', body: { metadata: { labels: { watched: 'yes' } } } },
      );
      await next();
      await client.delete(Lease, { namespace, name: 'watched' });
      await next();
      assert.deepEqual(seen, [
        ['ADDED', 'a'],
        ['MODIFIED', 'b'],
        ['DELETED', 'b'],
        ['ADDED', 'b'],
        ['DELETED', 'b'],
      ]);
      ended.abort();
      await next();
      assert.equal(seen.length, 5);
    });

    it('keeps an object with finalizers until the last is removed', async () => {
      const key = { namespace, name: 'final' };
      const draft = lease('final');
      await client.create(Lease, { ...draft, metadata: { ...draft.metadata, finalizers: ['example.org/wait'] } });
      await client.delete(Lease, key);
      const terminating = await client.get(Lease, key);
      assert.ok(terminating.metadata.deletionTimestamp);
      await client.update(Lease, { ...terminating, metadata: { ...terminating.metadata, finalizers: [] } });
      await assert.rejects(client.get(Lease, key), isNotFound);
    });

    it('lets a pod on a node end within its grace period, and go at once with none', async () => {
      const key = { namespace, name: 'graceful' };
      await client.create(Pod, pod('graceful'));
      await client.delete(Pod, key);
      const terminating = await client.get(Pod, key);
      assert.ok(terminating.metadata.deletionTimestamp);
      assert.equal(terminating.metadata.deletionGracePeriodSeconds, 30);
      await client.delete(Pod, key, { gracePeriodSeconds: 0 });
      await assert.rejects(client.get(Pod, key), isNotFound);
    });

    it('deletes only the object that is meant', async () => {
      await client.create(Lease, lease('precondition'));
      const key = { namespace, name: 'precondition' };
      await assert.rejects(client.delete(Lease, key, { preconditions: { uid: 'another' } }), isConflict);
      await client.get(Lease, key);
    });
  });
}

/** Reads the next change, past bookmarks, into `seen`; at the end of the stream it does nothing. */
function reader(changes: AsyncIterable<WatchEvent<Lease>>, seen: [string, string | undefined][]): () => Promise<void> {
  const iterator = changes[Symbol.asyncIterator]();
  return async () => {
    for (;;) {
      const { value, done } = await iterator.next();
      if (done) return;
      if (value.type === 'BOOKMARK') continue;
      seen.push([value.type, value.object.spec?.holderIdentity]);
      return;
    }
  };
}
