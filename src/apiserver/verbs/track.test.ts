/** Who owns which fields, when some apply on the server and others do not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Json, type Reply, SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const NOTE = 'kubectl.kubernetes.io/last-applied-configuration';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());

const body = (name: string, labels: object) => ({
  ...service(name),
  metadata: { name, labels },
  spec: { ports: [{ port: 80 }] },
});
const apply = (name: string, labels: object, query = 'fieldManager=kubectl') =>
  api.call('PATCH', `${SERVICES}/${name}?${query}`, { body: body(name, labels), type: APPLY });
const label = (name: string, labels: object, manager = 'kubectl-label') =>
  api.call('PATCH', `${SERVICES}/${name}?fieldManager=${manager}`, { body: { metadata: { labels } }, type: MERGE });
const managers = ({ body }: Reply) =>
  body.metadata.managedFields.map(({ manager, operation }: Json) => `${manager} ${operation}`);
const conflicts = ({ code, body }: Reply) => [
  code,
  ...(body.details?.causes ?? []).map(({ field, message }: Json) => `${field}: ${message}`),
];

/** A Service as kubectl applies it without the server's help. */
async function clientSideApply(name: string, labels: object): Promise<void> {
  const manifest = body(name, labels);
  const annotations = { [NOTE]: JSON.stringify(manifest) };
  const reply = await api.call('POST', SERVICES, {
    body: { ...manifest, metadata: { ...manifest.metadata, annotations } },
  });
  assert.equal(reply.code, 201, reply.text);
}

test('a field that somebody changed since is a conflict with them, and is theirs until it is forced', async () => {
  assert.equal((await apply('edited', { a: '1' })).code, 201);
  const edited = await label('edited', { a: '2', b: '3' });
  assert.deepEqual(managers(edited), ['kubectl Apply', 'kubectl-label Update']);
  assert.deepEqual(edited.body.metadata.managedFields[1].fieldsV1, {
    'f:metadata': { 'f:labels': { 'f:a': {}, 'f:b': {} } },
  });
  const refused = await apply('edited', { a: '1' });
  assert.deepEqual(conflicts(refused), [409, '.metadata.labels.a: conflict with "kubectl-label"']);
  const forced = await apply('edited', { a: '1' }, 'fieldManager=kubectl&force=true');
  assert.deepEqual([forced.code, forced.body.metadata.labels], [200, { a: '1', b: '3' }]);
  assert.equal((await apply('edited', { a: '4' })).code, 200);
});

test('a field that somebody takes away is nobody’s, and a write that changes nothing is not remembered', async () => {
  const first = await apply('taken', { a: '1' });
  assert.equal((await label('taken', { a: '1' })).body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  const gone = await label('taken', { a: null });
  assert.deepEqual(managers(gone), ['kubectl Apply']);
  assert.deepEqual((await apply('taken', { a: '2' })).body.metadata.labels, { a: '2' });
});

test('the status is owned apart from the rest', async () => {
  await apply('status', { a: '1' });
  const condition = { type: 'x', status: 'True', reason: 'r', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const reply = await api.call('PATCH', `${SERVICES}/status/status?fieldManager=node`, {
    body: { status: { conditions: [condition] } },
    type: MERGE,
  });
  const [, own] = reply.body.metadata.managedFields;
  assert.deepEqual([own.manager, own.subresource, Object.keys(own.fieldsV1)], ['node', 'status', ['f:status']]);
});

test('what was there before the first apply is a conflict where it differs', async () => {
  await api.call('POST', SERVICES, { body: body('made', { a: '1', b: '2' }) });
  const refused = await apply('made', { a: '3' });
  assert.deepEqual(conflicts(refused), [409, '.metadata.labels.a: conflict with "before-first-apply"']);
  const applied = await apply('made', { a: '1' });
  assert.deepEqual([applied.code, managers(applied)], [200, ['before-first-apply Update', 'kubectl Apply']]);
});

test('kubectl takes over what it applied by itself before, and not what others changed since', async () => {
  await clientSideApply('moved', { a: '1', b: '2' });
  await label('moved', { b: '9' });
  const stranger = await apply('moved', { a: '3', b: '9' }, 'fieldManager=stranger');
  assert.deepEqual(conflicts(stranger), [409, '.metadata.labels.a: conflict with "kubectl-client-side-apply"']);
  assert.deepEqual(conflicts(await apply('moved', { a: '3', b: '2' })), [
    409,
    '.metadata.labels.b: conflict with "before-first-apply"',
  ]);
  const reply = await apply('moved', { a: '3', b: '9' });
  assert.deepEqual([reply.code, reply.body.metadata.labels], [200, { a: '3', b: '9' }], reply.text);
});

test('a note of kubectl that somebody else wrote does no harm', async () => {
  const notes = ['{', 'null', '[]', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`, '{"spec":{"ports":{}}}'];
  for (const [i, note] of notes.entries()) {
    const name = `odd${i}`;
    const odd = body(name, { a: '1' });
    await api.call('POST', SERVICES, {
      body: { ...odd, metadata: { ...odd.metadata, annotations: { [NOTE]: note } } },
    });
    assert.equal((await apply(name, { a: '2' })).code, 409);
    assert.equal((await apply(name, { a: '1' })).code, 200);
  }
});
