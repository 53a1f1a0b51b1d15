import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { type Json, LEASES, lease, startTestServer, type TestServer } from '../testing/server.ts';

let api: TestServer;
const clock = new FakeClock(Date.now());
before(async () => {
  api = await startTestServer({ clock });
});
after(() => api?.close());

const summary = ({ type, object }: Json) => `${type} ${object.metadata?.name ?? object.reason ?? ''}`.trim();
const merge = (name: string, body: object) =>
  api.call('PATCH', `${LEASES}/${name}`, { body, type: 'application/merge-patch+json' });

/** The first `count` lines of a watch. */
async function lines(query: string, count: number, headers = {}): Promise<Json[]> {
  const end = new AbortController();
  const found: Json[] = [];
  for await (const line of api.watch(`${LEASES}?watch=true&${query}`, end.signal, headers)) {
    found.push(line);
    if (found.length === count) break;
  }
  end.abort();
  return found;
}

async function newest(): Promise<string> {
  return (await api.call('GET', LEASES)).body.metadata.resourceVersion;
}

test('tells every change after a resourceVersion once, in order, past ones first', async () => {
  const from = await newest();
  await api.call('POST', LEASES, { body: lease('w1') });
  const reading = lines(`resourceVersion=${from}`, 4);
  await merge('w1', { spec: { holderIdentity: 'b' } });
  await api.call('DELETE', `${LEASES}/w1`);
  await api.call('POST', LEASES, { body: lease('w2') });
  const found = await reading;
  assert.deepEqual(found.map(summary), ['ADDED w1', 'MODIFIED w1', 'DELETED w1', 'ADDED w2']);
  const revisions = found.map(({ object }) => Number(object.metadata.resourceVersion));
  assert.deepEqual(
    revisions,
    [...revisions].sort((a, b) => a - b),
  );
  assert.equal(new Set(revisions).size, 4);
});

test('begins with the objects that there are when no resourceVersion is given', async () => {
  await api.call('POST', LEASES, { body: lease('w3', { metadata: { labels: { only: 'w3' } } }) });
  for (const query of ['', 'resourceVersion=0']) {
    assert.deepEqual((await lines(`${query}&labelSelector=only%3Dw3`, 1)).map(summary), ['ADDED w3']);
  }
});

test('marks the end of the initial objects with a bookmark when asked to stream a list', async () => {
  const query =
    'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=only%3Dw3';
  const [added, bookmark] = await lines(query, 2);
  assert.deepEqual([added.type, bookmark.type], ['ADDED', 'BOOKMARK']);
  assert.deepEqual(bookmark.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
  assert.equal(bookmark.object.metadata.resourceVersion, await newest());
});

test('tells those who select by label of objects that come into the selection and leave it', async () => {
  const from = await newest();
  await api.call('POST', LEASES, { body: lease('w4') });
  await merge('w4', { metadata: { labels: { in: 'yes' } } });
  await merge('w4', { spec: { holderIdentity: 'c' } });
  await merge('w4', { metadata: { labels: { in: null } } });
  await merge('w4', { metadata: { labels: { in: 'yes' } } });
  await api.call('DELETE', `${LEASES}/w4`);
  const found = await lines(`resourceVersion=${from}&labelSelector=in%3Dyes`, 5);
  assert.deepEqual(
    found.map(({ type }) => type),
    ['ADDED', 'MODIFIED', 'DELETED', 'ADDED', 'DELETED'],
  );
});

test('follows one object by name without telling of others whose names begin the same', async () => {
  const from = await newest();
  for (const name of ['w5', 'w55']) await api.call('POST', LEASES, { body: lease(name) });
  await api.call('DELETE', `${LEASES}/w55`);
  await api.call('DELETE', `${LEASES}/w5`);
  const found = await lines(`resourceVersion=${from}&fieldSelector=metadata.name%3Dw5`, 2);
  assert.deepEqual(found.map(summary), ['ADDED w5', 'DELETED w5']);
});

test('prints tables, with the columns in the first only', async () => {
  const from = await newest();
  await api.call('POST', LEASES, { body: lease('w6') });
  await api.call('DELETE', `${LEASES}/w6`);
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const [first, second] = await lines(`resourceVersion=${from}`, 2, { accept });
  assert.deepEqual([first.object.kind, first.object.rows[0].cells[0]], ['Table', 'w6']);
  assert.equal(first.object.columnDefinitions[0].name, 'Name');
  assert.equal(second.object.columnDefinitions, null);
});

test('ends a watch whose history is gone with an ERROR of code 410', async () => {
  const from = await newest();
  await api.call('POST', LEASES, { body: lease('w7') });
  await api.call('POST', LEASES, { body: lease('w8') });
  await api.store.compact(await api.store.revision());
  const [error] = await lines(`resourceVersion=${from}`, 1);
  assert.deepEqual([error.type, error.object.code, error.object.reason], ['ERROR', 410, 'Expired']);
});

test('tells an idle watch by bookmarks how far the store has come, and ends it in time', async () => {
  const from = await newest();
  const end = new AbortController();
  const path = `${LEASES}?watch=true&allowWatchBookmarks=true&timeoutSeconds=100&resourceVersion=${from}&labelSelector=no%3Dmatch`;
  const watching = api.watch(path, end.signal);
  const first = watching.next();
  // Another kind, so that the watch itself has nothing to say; the answer shows that the watch has begun before.
  await api.call('POST', '/api/v1/namespaces', {
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } },
  });
  const reached = String(await api.store.revision());
  const driver = (async () => {
    while (!end.signal.aborted) {
      await clock.advance(10_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const { value } = await first;
  assert.deepEqual([value.type, value.object.metadata.resourceVersion], ['BOOKMARK', reached]);
  for await (const line of watching) assert.equal(line.type, 'BOOKMARK');
  end.abort();
  await driver;
});

test('ends watches when the server closes', async () => {
  const other = await startTestServer();
  const end = new AbortController();
  const watching = other.watch(
    `${LEASES}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`,
    end.signal,
  );
  assert.equal((await watching.next()).value.type, 'BOOKMARK');
  const rest = watching.next();
  await other.server.close();
  assert.equal((await rest).done, true);
  await other.close();
});

test('a list and a watch that ask for what does not go together are told so in the words of Kubernetes', async () => {
  const CASES: readonly (readonly [query: string, cause: string])[] = [
    [
      'watch=true&sendInitialEvents=true',
      'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    ],
    [
      'watch=true&resourceVersion=1&resourceVersionMatch=NotOlderThan',
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    ],
    [
      'resourceVersionMatch=Exact',
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    [
      'resourceVersion=1&resourceVersionMatch=x',
      'resourceVersionMatch: Unsupported value: "x": supported values: "Exact", "NotOlderThan", ""',
    ],
    [
      'resourceVersion=0&resourceVersionMatch=Exact',
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    ['sendInitialEvents=true', 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'],
  ];
  for (const [query, cause] of CASES) {
    const { code, body } = await api.call('GET', `${LEASES}?${query}`);
    assert.deepEqual([code, body.message], [422, `ListOptions.meta.k8s.io "" is invalid: ${cause}`]);
  }
});

test('a watch that begins with what there is ends its first part with a bookmark only for those who take bookmarks', async () => {
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dstreamed';
  const { body } = await api.call('POST', LEASES, { body: lease('streamed') });
  const [added, mark] = await lines(
    `${query}&allowWatchBookmarks=true&resourceVersion=${body.metadata.resourceVersion}`,
    2,
  );
  assert.deepEqual([added.type, mark.type, mark.object.kind], ['ADDED', 'BOOKMARK', 'Lease']);
  assert.deepEqual(mark.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
  assert.ok(Number(mark.object.metadata.resourceVersion) >= Number(body.metadata.resourceVersion));
  const end = new AbortController();
  const watching = api.watch(`${LEASES}?watch=true&${query}&resourceVersion=0`, end.signal);
  assert.equal((await watching.next()).value.type, 'ADDED');
  await api.call('DELETE', `${LEASES}/streamed`);
  assert.equal((await watching.next()).value.type, 'DELETED', 'and no bookmark in between');
  end.abort();
});
