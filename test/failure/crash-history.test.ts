/**
 * A server is killed with -9, again and again, while 500 writes a second go on: what was answered is there, at the revision that was
 * answered, once, and in order. On both stores.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigMap } from '../../src/api/core/v1/configmap.ts';
import { ApiError } from '../../src/api/status.ts';
import { type Client, TransportError } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { type Scope, skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { startServer, type TestServer } from '../e2e/server.ts';

const NAMESPACE = 'default';
/** Each changes an object of its own, and makes others, one write after the other. */
const WRITERS = 20;
const PER_SECOND = 500;
const KILLS = 3;
/** Milliseconds between two of them, in which the server starts and is written to. */
const BETWEEN = 2500;

/** What one writer was answered. */
interface Answered {
  /** Revisions of its object, by the number that it had then. */
  readonly changes: Map<number, string>;
  /** UIDs of what it made. */
  readonly made: Set<string>;
  /** Writes of which nothing is known. */
  unknown: number;
}

/** What became of an object: every number that it ever had, with its revision. */
type History = readonly { readonly n: number; readonly revision: string }[];

const object = (metadata: ConfigMap['metadata'], n: number): ConfigMap => {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: NAMESPACE, ...metadata },
    data: { n: String(n) },
  };
};

/** Counts up in an object of its own, by changes that are refused where another came between, and makes an object with each fifth. */
async function write(client: Client, writer: number, signal: AbortSignal): Promise<Answered> {
  const name = `counter-${writer}`;
  const answered: Answered = { changes: new Map(), made: new Set(), unknown: 0 };
  let current: ConfigMap | undefined;
  for (let i = 0; !signal.aborted; i++) {
    const began = performance.now();
    try {
      current ??= await client.get(ConfigMap, { namespace: NAMESPACE, name });
      const n = Number(current.data?.['n']) + 1;
      const next: ConfigMap = { ...current, data: { n: String(n) } };
      current = undefined;
      current = await client.update(ConfigMap, next);
      answered.changes.set(n, current.metadata.resourceVersion ?? '');
      if (i % 5 === 0) {
        const { metadata } = await client.create(ConfigMap, object({ generateName: `made-${writer}-` }, 0));
        answered.made.add(metadata.uid ?? '');
      }
    } catch (error) {
      if (!(error instanceof TransportError) && !(error instanceof ApiError && error.code >= 500)) throw error;
      answered.unknown++;
      await sleep(20);
    }
    await sleep(Math.max(0, (1000 * WRITERS) / PER_SECOND - (performance.now() - began)));
  }
  return answered;
}

/** Everything that a watch tells of the objects from the beginning. */
async function histories(client: Client, from: string) {
  const counters = new Map<string, { n: number; revision: string }[]>();
  const made = new Map<string, string>();
  const end = new AbortController();
  const last = await client.create(ConfigMap, object({ name: 'last' }, 0));
  const range = { namespace: NAMESPACE, resourceVersion: from };
  for await (const event of client.watch(ConfigMap, range, end.signal)) {
    if (event.type === 'BOOKMARK') continue;
    const { name = '', uid = '', resourceVersion = '' } = event.object.metadata;
    assert.notEqual(event.type, 'DELETED');
    if (uid === last.metadata.uid) break;
    if (name.startsWith('counter-')) {
      const history = counters.get(name) ?? [];
      counters.set(name, [...history, { n: Number(event.object.data?.['n']), revision: resourceVersion }]);
    } else if (name.startsWith('made-')) {
      assert.ok(!made.has(uid));
      made.set(uid, name);
    }
  }
  end.abort();
  return { counters, made };
}

function judge(history: History, { changes }: Answered): void {
  // One after the other, and none twice.
  assert.deepEqual(
    history.map(({ n }) => n),
    history.map((_, i) => i),
  );
  for (const [n, revision] of changes) assert.equal(history[n]?.revision, revision);
}

async function crash(scope: Scope, server: TestServer): Promise<void> {
  const endpoint = await loadKubeconfig(server.kubeconfig);
  const clients = Array.from({ length: 5 }, () => createClient({ ...endpoint, otherServers: [] }));
  scope.after(() => {
    for (const client of clients) client.close();
  });
  const client = (writer: number): Client => clients[writer % clients.length] as Client;
  const { resourceVersion } = await client(0).list(ConfigMap, { namespace: NAMESPACE });
  for (let i = 0; i < WRITERS; i++) await client(i).create(ConfigMap, object({ name: `counter-${i}` }, 0));

  const end = new AbortController();
  const writing = Array.from({ length: WRITERS }, (_, i) => write(client(i), i, end.signal));
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(BETWEEN);
    await server.killAndRestart();
  }
  await sleep(BETWEEN);
  end.abort();
  const answered = await Promise.all(writing);

  const { counters, made } = await histories(client(0), resourceVersion);
  for (const [i, one] of answered.entries()) judge(counters.get(`counter-${i}`) ?? [], one);
  const lost = answered.flatMap((one) => [...one.made].filter((uid) => !made.has(uid)));
  assert.deepEqual(lost, []);
  const written = answered.reduce((sum, one) => sum + one.changes.size + one.made.size, 0);
  const unknown = answered.reduce((sum, one) => sum + one.unknown, 0);
  // It was killed in the middle of writes, of which there were many.
  assert.ok(unknown >= KILLS, `${unknown} writes without an answer`);
  assert.ok(written >= 1000, `${written} writes`);
  const there = [...counters.values()].reduce((sum, history) => sum + history.length - 1, 0) + made.size;
  assert.ok(
    there <= written + unknown,
    `${there} writes were made of ${written} that were answered and ${unknown} that were not`,
  );
}

describe('a server that is killed under 500 writes a second loses none that it has answered, and makes none twice', () => {
  it('with its objects in a directory', async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    await crash(t, server);
  });

  it('with its objects in an etcd', { skip: skipWithoutEtcd() }, async (t) => {
    const etcd = await startEtcd(t, { members: 3 });
    await etcd.leader();
    const server = await startServer(['--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(',')]);
    t.after(() => server.stop());
    await crash(t, server);
  });
});
