import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type Json, startTestServer, type TestServer } from '../testing/server.ts';

const SETS = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancereplicasets';
const SCALE = `${SETS}/web/scale`;
const MERGE = 'application/merge-patch+json';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());
beforeEach(async () => {
  await api.call('DELETE', `${SETS}/web`);
  const { code, text } = await api.call('POST', SETS, {
    body: {
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { domain: { devices: {} } } },
      },
    },
  });
  assert.equal(code, 201, text);
});

const get = async (path: string): Promise<Json> => (await api.call('GET', path)).body;
const patch = (body: object, type = MERGE) => api.call('PATCH', SCALE, { body, type });

test('a Scale shows how many replicas are wanted and there, and what selects them', async () => {
  const status = { replicas: 1, readyReplicas: 1, labelSelector: 'app=web' };
  await api.call('PATCH', `${SETS}/web/status`, { body: { status }, type: MERGE });
  const { metadata } = await get(`${SETS}/web`);
  const { uid, resourceVersion, creationTimestamp } = metadata;
  assert.deepEqual(await get(SCALE), {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name: 'web', namespace: 'default', uid, resourceVersion, creationTimestamp },
    spec: { replicas: 2 },
    status: { replicas: 1, selector: 'app=web' },
  });
});

test('a Scale that is patched or replaced changes spec.replicas and nothing else', async () => {
  const before = await get(`${SETS}/web`);
  const patched = await patch({ spec: { replicas: 5 } });
  assert.deepEqual([patched.code, patched.body.kind, patched.body.spec], [200, 'Scale', { replicas: 5 }]);
  const after = await get(`${SETS}/web`);
  assert.deepEqual(after.spec, { ...before.spec, replicas: 5 });
  assert.equal(after.metadata.generation, before.metadata.generation + 1);
  const replaced = await api.call('PUT', SCALE, { body: { ...patched.body, spec: { replicas: 0 } } });
  assert.deepEqual([replaced.code, replaced.body.spec], [200, { replicas: 0 }]);
  assert.equal((await get(`${SETS}/web`)).spec.replicas, 0);
  const json = await patch([{ op: 'replace', path: '/spec/replicas', value: 3 }], 'application/json-patch+json');
  assert.equal(json.body.spec.replicas, 3);
});

test('a Scale of an older version is refused as a conflict, and a dry run stores nothing', async () => {
  const old = await get(SCALE);
  await patch({ spec: { replicas: 3 } });
  const { code, body } = await api.call('PUT', SCALE, { body: { ...old, spec: { replicas: 9 } } });
  assert.deepEqual([code, body.reason], [409, 'Conflict']);
  const dry = await api.call('PATCH', `${SCALE}?dryRun=All`, { body: { spec: { replicas: 7 } }, type: MERGE });
  assert.deepEqual([dry.code, dry.body.spec.replicas], [200, 7]);
  assert.equal((await get(SCALE)).spec.replicas, 3);
});

const REFUSED: readonly [why: string, body: unknown, type: string, code: number, message: RegExp][] = [
  [
    'fewer than none',
    { spec: { replicas: -1 } },
    MERGE,
    422,
    /Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0/,
  ],
  ['a number that is none', { spec: { replicas: 'two' } }, MERGE, 400, /spec.replicas/],
  ['another kind', { kind: 'Pod' }, MERGE, 400, /the kind in the data \(Pod\) is not Scale/],
  ['an apply patch', { spec: { replicas: 2 } }, 'application/apply-patch+yaml', 415, /media types include/],
];
for (const [why, body, type, code, message] of REFUSED) {
  test(`a Scale with ${why} is refused with ${code}, and nothing changes`, async () => {
    const before = await get(`${SETS}/web`);
    const answer = await api.call('PATCH', SCALE, { body, type });
    assert.equal(answer.code, code, answer.text);
    assert.match(answer.body.message, message);
    assert.deepEqual(await get(`${SETS}/web`), before);
  });
}

test('there is no Scale of what is not there, nor of kinds that have none', async () => {
  const missing = await api.call('GET', `${SETS}/nobody/scale`);
  assert.deepEqual([missing.code, missing.body.details.kind], [404, 'virtualmachineinstancereplicasets']);
  assert.equal((await api.call('GET', '/api/v1/namespaces/default/services/kubernetes/scale')).code, 404);
  assert.equal((await api.call('DELETE', SCALE)).code, 405);
});

test('discovery and OpenAPI tell of the Scale', async () => {
  const { resources } = await get('/apis/kubevirt.io/v1');
  const name = 'virtualmachineinstancereplicasets/scale';
  assert.deepEqual(
    resources.find((resource: Json) => resource.name === name),
    {
      name,
      singularName: '',
      namespaced: true,
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: ['get', 'patch', 'update'],
    },
  );
  const document = await get('/openapi/v3/apis/kubevirt.io/v1');
  const path = '/apis/kubevirt.io/v1/namespaces/{namespace}/virtualmachineinstancereplicasets/{name}/scale';
  const { get: read } = document.paths[path];
  const { $ref: reference } = read.responses['200'].content['application/json'].schema;
  assert.equal(reference, '#/components/schemas/io.k8s.api.autoscaling.v1.Scale');
  assert.ok(document.components.schemas['io.k8s.api.autoscaling.v1.Scale']);
});
