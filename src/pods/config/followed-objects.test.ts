import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { fakeClient } from '../../client/fake.ts';
import { eventually, settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { FollowedObjects } from './followed-objects.ts';
import { dataOf, objectRefs, textsOf } from './objects.ts';
import { isProblem } from './problems.ts';
import { container, pod } from './testing.ts';

function world(t: TestContext) {
  const clock = new FakeClock();
  const client = fakeClient([], { clock });
  const asked: string[] = [];
  const ended = new AbortController();
  t.after(() => ended.abort());
  client.failWith((verb, kind) => {
    if (verb === 'watch') asked.push(kind);
    return undefined;
  });
  const objects = new FollowedObjects({ client, log: silentLogger, clock }, ended.signal);
  const changed: string[] = [];
  objects.onChange((uid) => changed.push(uid));
  const create = (name: string, data: Record<string, string>, immutable = false) =>
    client.create(ConfigMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'shop' },
      data,
      immutable,
    });
  return { clock, client, objects, asked, changed, create };
}

const naming = (uid: string, name: string): Pod =>
  pod({ containers: [container({ envFrom: [{ configMapRef: { name } }] })] }, { uid });

test('all that a pod names is found, each once', () => {
  const valueFrom = { secretKeyRef: { name: 's', key: 'k' } };
  const env = [
    { name: 'A', valueFrom },
    { name: 'B', valueFrom },
  ];
  const sources = [{ configMap: { name: 'p' } }, { secret: { name: 's' } }];
  const whole = pod({
    containers: [container({ env })],
    initContainers: [container({ envFrom: [{ configMapRef: { name: 'e' } }] })],
    volumes: [
      { name: 'a', configMap: { name: 'v' } },
      { name: 'b', projected: { sources } },
      { name: 'c', emptyDir: {} },
    ],
  });
  const refs = objectRefs(whole).map(({ kind, name }) => `${kind} ${name}`);
  assert.deepEqual(refs.sort(), ['ConfigMap e', 'ConfigMap p', 'ConfigMap v', 'Secret s']);
});

test('variables are made of text, files of all there is', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const map = { data: { a: 'A' }, binaryData: { b: base64('B') } };
  assert.deepEqual([...textsOf('ConfigMap', map)], [['a', 'A']]);
  assert.deepEqual([...dataOf('ConfigMap', map)].map(String), ['a,A', 'b,B']);
  const secret = { data: { k: base64('K') } };
  assert.deepEqual([...textsOf('Secret', secret)], [['k', 'K']]);
  assert.deepEqual([...dataOf('Secret', secret)].map(String), ['k,K']);
});

test('pods that name the same object share one watch, which ends with the last of them', async (t) => {
  const { client, objects, asked, changed, create } = world(t);
  await create('settings', { a: '1' });
  const found = await objects.follow(naming('one', 'settings'));
  await objects.follow(naming('two', 'settings'));
  assert.ok(!isProblem(found));
  const text = () => Buffer.from(found.data('ConfigMap', 'settings')?.get('a') ?? []).toString();
  assert.equal(text(), '1');
  await settle();
  assert.deepEqual(asked, ['ConfigMap']);
  changed.length = 0;
  objects.forget('one');
  const key = { namespace: 'shop', name: 'settings' };
  await client.patch(ConfigMap, key, { type: 'merge', body: { data: { a: '2' } } });
  await eventually(() => text() === '2');
  assert.deepEqual(changed, ['two']);
  objects.forget('two');
  await client.patch(ConfigMap, key, { type: 'merge', body: { data: { a: '3' } } });
  await settle();
  assert.deepEqual(changed, ['two']);
});

test('what never changes is not watched', async (t) => {
  const { client, objects, changed, create } = world(t);
  await create('fixed', { a: '1' }, true);
  const found = await objects.follow(naming('one', 'fixed'));
  await settle();
  changed.length = 0;
  client.remove(ConfigMap, { namespace: 'shop', name: 'fixed' });
  await settle();
  assert.deepEqual(changed, []);
  assert.ok(!isProblem(found));
  assert.equal(found.data('ConfigMap', 'fixed')?.size, 1);
});

test('a pod is told when the API does not say what there is', async (t) => {
  const { clock, client, objects } = world(t);
  client.failWith((verb) => (verb === 'list' ? new Error('away') : undefined));
  const waiting = objects.follow(naming('one', 'settings'));
  await clock.advance(5000);
  const found = await waiting;
  assert.ok(isProblem(found));
  assert.equal(found.message, 'failed to sync configmap cache: timed out waiting for the condition');
});
