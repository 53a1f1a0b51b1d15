/** Replica sets of instances over HTTP: a real server with its controllers, and somebody who plays the node. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Json } from '../../src/apiserver/testing/server.ts';
import { type ControlledServer, startControlledServer, until } from './controlled-server.ts';

const SETS = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancereplicasets';
const VMIS = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances';
const PODS = '/api/v1/namespaces/default/pods';
const MERGE = 'application/merge-patch+json';

let server: ControlledServer;
const ended = new AbortController();
let node: Promise<void>;

before(async () => {
  server = await startControlledServer();
  const { api } = server;
  await api.call('POST', '/api/v1/nodes', { body: { metadata: { name: 'n1' } } });
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  const { code, text } = await api.call('PATCH', '/api/v1/nodes/n1/status', { body: { status }, type: MERGE });
  assert.equal(code, 200, text);
  node = endPods();
});
after(async () => {
  ended.abort();
  await node;
  await server?.close();
});

/** What the node does with pods that are to go. */
async function endPods(): Promise<void> {
  const { api } = server;
  for await (const { object } of api.watch(`${PODS}?watch=true`, ended.signal)) {
    const { name, deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) await api.call('DELETE', `${PODS}/${name}?gracePeriodSeconds=0`);
  }
}

const replicas = (count: number, ready: number) => (set: Json) =>
  set.status?.replicas === count && set.status.readyReplicas === ready;

/** The instances of the set that nobody has deleted. */
async function instances(): Promise<Json[]> {
  const { body } = await server.api.call('GET', `${VMIS}?labelSelector=app%3Dweb`);
  return body.items.filter((vmi: Json) => vmi.metadata.deletionTimestamp === undefined);
}

/** What the node writes once a guest runs. */
async function run({ metadata }: Json): Promise<void> {
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await server.api.call('PATCH', `${VMIS}/${metadata.name}/status`, { body: { status }, type: MERGE });
}

test('a replica set over HTTP: made, scaled by its Scale, and deleted with its instances', async () => {
  const { api } = server;
  const made = await api.call('POST', SETS, {
    body: {
      metadata: { name: 'web' },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { domain: { devices: {} } } },
      },
    },
  });
  assert.equal(made.code, 201, made.text);
  await until(api, SETS, 'web', replicas(3, 0));
  const [first] = await instances();
  await until(api, VMIS, first.metadata.name, ({ status }) => status?.phase === 'Scheduled');
  assert.match(first.metadata.name, /^web[a-z0-9]{5}$/);
  await run(first);
  await until(api, SETS, 'web', replicas(3, 1));

  const { body: scale } = await api.call('GET', `${SETS}/web/scale`);
  assert.deepEqual([scale.spec, scale.status], [{ replicas: 3 }, { replicas: 3, selector: 'app=web' }]);
  await api.call('PUT', `${SETS}/web/scale`, { body: { ...scale, spec: { replicas: 1 } } });
  await until(api, SETS, 'web', replicas(1, 1));
  assert.deepEqual(
    (await instances()).map(({ metadata }) => metadata.name),
    [first.metadata.name],
  );

  const deleted = await api.call('DELETE', `${SETS}/web?propagationPolicy=Foreground`);
  assert.equal(deleted.code, 200, deleted.text);
  assert.equal(await until(api, SETS, 'web', () => false), undefined);
  assert.deepEqual(await instances(), []);
  assert.deepEqual((await api.call('GET', PODS)).body.items, []);
});
