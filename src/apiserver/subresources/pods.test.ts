import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Json, startTestServer, type TestServer } from '../testing/server.ts';

const PODS = '/api/v1/namespaces/default/pods';

describe('calls on pods', () => {
  let server: TestServer;
  let count = 0;
  const make = async (spec: object = {}): Promise<Json> => {
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `p${count++}`, annotations: { a: '1' } },
      spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
    };
    return (await server.call('POST', PODS, { body })).body.metadata;
  };
  const get = async (name: string): Promise<Json> => (await server.call('GET', `${PODS}/${name}`)).body;
  const binding = (name: string, target: object, metadata: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, ...metadata },
    target,
  });
  const bind = (name: string, target: object, metadata: object = {}) =>
    server.call('POST', `${PODS}/${name}/binding`, { body: binding(name, target, metadata) });
  const evict = (name: string, deleteOptions: object = {}, query = '') =>
    server.call('POST', `${PODS}/${name}/eviction${query}`, {
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions },
    });

  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  test('a pod is bound to a node once, and says that it is scheduled', async () => {
    const { name } = await make();
    const { code, body } = await bind(name, { kind: 'Node', name: 'n1' }, { annotations: { b: '2' } });
    assert.equal(code, 201);
    assert.equal(body.status, 'Success');
    const pod = await get(name);
    assert.equal(pod.spec.nodeName, 'n1');
    assert.deepEqual(pod.metadata.annotations, { a: '1', b: '2' });
    const [condition] = pod.status.conditions;
    assert.deepEqual([condition.type, condition.status, condition.reason], ['PodScheduled', 'True', undefined]);
    const again = await bind(name, { name: 'n2' });
    assert.equal(again.code, 409);
    assert.match(again.body.message, /is already assigned to node "n1"/);
  });

  test('of two who bind a pod at the same time, one does', async () => {
    const { name } = await make();
    const codes = await Promise.all(['n1', 'n2', 'n3'].map(async (node) => (await bind(name, { name: node })).code));
    assert.deepEqual(codes.sort(), [201, 409, 409]);
  });

  test('the old way is to send the binding to the namespace', async () => {
    const { name } = await make();
    const body = binding(name, { name: 'n1' });
    assert.equal((await server.call('POST', '/api/v1/namespaces/default/bindings', { body })).code, 201);
    assert.equal((await get(name)).spec.nodeName, 'n1');
    assert.equal((await server.call('GET', '/api/v1/namespaces/default/bindings')).code, 405);
  });

  test('a pod is not bound to something else, in another life, while it is gated, or when it is going', async () => {
    const { name, uid } = await make();
    const wrong = await bind(name, { kind: 'Cloud', name: 'n1' });
    assert.equal(wrong.code, 422);
    assert.match(wrong.body.message, /target.kind: Unsupported value: "Cloud": supported values: "Node", "<empty>"/);
    assert.equal((await bind(name, { name: '' })).code, 422);
    assert.equal((await bind(name, { name: 'n1' }, { uid: `${uid}x` })).code, 409);
    assert.equal((await bind('nobody', { name: 'n1' })).code, 404);
    const gated = await make({ schedulingGates: [{ name: 'example.com/wait' }] });
    assert.match((await bind(gated.name, { name: 'n1' })).body.message, /non-empty .spec.schedulingGates/);
    const going = await make({ nodeName: 'n1' });
    await server.call('DELETE', `${PODS}/${going.name}`);
    assert.match((await bind(going.name, { name: 'n1' })).body.message, /is being deleted/);
  });

  test('a pod that is evicted is deleted, as it is asked for', async () => {
    const { name, uid } = await make({ nodeName: 'n1' });
    assert.equal((await evict(name, { dryRun: ['All'] })).code, 201);
    assert.equal((await get(name)).metadata.deletionTimestamp, undefined);
    assert.equal((await evict(name, { preconditions: { uid: `${uid}x` } })).code, 409);
    const { code, body } = await evict(name, { gracePeriodSeconds: 7 });
    assert.equal(code, 201);
    assert.equal(body.status, 'Success');
    assert.equal((await get(name)).metadata.deletionGracePeriodSeconds, 7);
    assert.equal((await evict(name)).code, 201);
    assert.equal((await evict('nobody')).code, 404);
    assert.equal((await evict(name, { gracePeriodSeconds: -1 })).code, 400);
  });

  test('a budget is refused with what to do instead', async () => {
    const body = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec: {} };
    const answer = await server.call('POST', '/apis/policy/v1/namespaces/default/poddisruptionbudgets', { body });
    assert.equal(answer.code, 422);
    assert.match(answer.body.message, /Drain one node at a time/);
  });
});
