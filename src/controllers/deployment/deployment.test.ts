import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deployment } from '../../api/apps/v1/deployment.ts';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { failure } from '../../api/status.ts';
import { garbageCollector } from '../garbage-collection/garbage-collection.ts';
import { becomes, livePods, runPods, webTemplate } from '../replicas/testing.ts';
import { replicaSetController } from '../replicaset/replicaset.ts';
import { type World, world } from '../testing.ts';
import { deploymentController } from './deployment.ts';
import { deployment, edit, imageOf, key, replicaSets, sizes, stored } from './testing.ts';

const start = (fields: Partial<Deployment['spec']> = {}) =>
  world([deployment(fields)], deploymentController, replicaSetController);

/** Lets the nodes do their part until nothing changes. */
async function rollOut(w: World): Promise<void> {
  for (let round = 0; round < 12; round++) await runPods(w);
}

async function condition(w: World, type: string) {
  const found = (await stored(w)).status?.conditions?.find((one) => one.type === type);
  return found && [found.status, found.reason, found.message];
}

const revisions = async (w: World) =>
  Object.fromEntries(
    (await replicaSets(w)).map((set) => [
      imageOf(set),
      set.metadata.annotations?.['deployment.kubernetes.io/revision'],
    ]),
  );

describe('the Deployment controller', () => {
  it('makes a replica set of its template, whose name and label tell the template', async () => {
    const w = await start();
    const [set] = await replicaSets(w);
    assert.ok(set);
    const hash = set.metadata.labels?.['pod-template-hash'] ?? '';
    assert.match(hash, /^[bcdf456789]{1,10}$/);
    assert.equal(set.metadata.name, `web-${hash}`);
    assert.deepEqual(set.spec.selector, { matchLabels: { app: 'web', 'pod-template-hash': hash } });
    assert.deepEqual(set.spec.template.metadata?.labels, { app: 'web', 'pod-template-hash': hash });
    assert.equal(set.metadata.ownerReferences?.[0]?.uid, 'uid-of-deployment');
    const { 'deployment.kubernetes.io/revision': revision, ...noted } = set.metadata.annotations ?? {};
    assert.equal(revision, '1');
    assert.deepEqual(noted, {
      'deployment.kubernetes.io/desired-replicas': '4',
      'deployment.kubernetes.io/max-replicas': '5',
    });
    assert.equal((await livePods(w)).length, 4);
    assert.deepEqual(await w.events(deployment()), [
      `ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 4`,
    ]);
    await w.stop();
  });

  it('tells its progress as kubectl rollout status reads it', async () => {
    const w = await start();
    const name = (await replicaSets(w))[0]?.metadata.name;
    assert.deepEqual(await condition(w, 'Available'), [
      'False',
      'MinimumReplicasUnavailable',
      'Deployment does not have minimum availability.',
    ]);
    assert.deepEqual(await condition(w, 'Progressing'), [
      'True',
      'ReplicaSetUpdated',
      `ReplicaSet "${name}" is progressing.`,
    ]);
    const { status: early } = await stored(w);
    assert.deepEqual([early?.replicas, early?.updatedReplicas, early?.unavailableReplicas], [4, 4, 4]);
    await rollOut(w);
    const { conditions: _, ...counts } = (await stored(w)).status ?? {};
    assert.deepEqual(counts, {
      observedGeneration: 1,
      replicas: 4,
      updatedReplicas: 4,
      readyReplicas: 4,
      availableReplicas: 4,
    });
    assert.deepEqual(await condition(w, 'Available'), [
      'True',
      'MinimumReplicasAvailable',
      'Deployment has minimum availability.',
    ]);
    assert.deepEqual(await condition(w, 'Progressing'), [
      'True',
      'NewReplicaSetAvailable',
      `ReplicaSet "${name}" has successfully progressed.`,
    ]);
    assert.equal((await stored(w)).metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
    await w.stop();
  });

  it('replaces pods as far as the rolling update allows, and goes on when new ones are available', async () => {
    const w = await start();
    await rollOut(w);
    await edit(w, { template: webTemplate('web:2') });
    assert.deepEqual(await sizes(w), { 'web:1': 3, 'web:2': 2 }, 'one more, and one less, than four');
    await rollOut(w);
    assert.deepEqual(await sizes(w), { 'web:2': 4 });
    assert.equal((await livePods(w)).length, 4);
    assert.deepEqual(await revisions(w), { 'web:1': '1', 'web:2': '2' });
    await w.stop();
  });

  it('stands still while new pods do not become ready, and says so after the deadline', async () => {
    const w = await start({ progressDeadlineSeconds: 30 });
    await rollOut(w);
    await edit(w, { template: webTemplate('broken') });
    await w.pass(29_000);
    assert.equal((await condition(w, 'Progressing'))?.[1], 'ReplicaSetUpdated');
    await w.pass(3000);
    const name = (await replicaSets(w)).find((set) => imageOf(set) === 'broken')?.metadata.name;
    assert.deepEqual(await condition(w, 'Progressing'), [
      'False',
      'ProgressDeadlineExceeded',
      `ReplicaSet "${name}" has timed out progressing.`,
    ]);
    assert.equal((await condition(w, 'Available'))?.[0], 'True');
    assert.deepEqual(await sizes(w), { 'web:1': 3, broken: 2 });
    await w.stop();
  });

  it('takes away unready pods of a template that was given up first', async () => {
    const w = await start();
    await rollOut(w);
    await edit(w, { template: webTemplate('broken') });
    await edit(w, { template: webTemplate('web:3') });
    assert.deepEqual(await sizes(w), { 'web:1': 3, 'web:3': 2 });
    await rollOut(w);
    assert.deepEqual(await sizes(w), { 'web:3': 4 });
    await w.stop();
  });

  it('goes back to an earlier template with the set of that template, as a new revision', async () => {
    const w = await start();
    await rollOut(w);
    await edit(w, { template: webTemplate('web:2') });
    await rollOut(w);
    await edit(w, { template: webTemplate('web:1') });
    await rollOut(w);
    assert.deepEqual(await sizes(w), { 'web:1': 4 });
    assert.deepEqual(await revisions(w), { 'web:1': '3', 'web:2': '2' });
    const back = (await replicaSets(w)).find((set) => imageOf(set) === 'web:1');
    assert.equal(back?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1');
    assert.equal((await stored(w)).metadata.annotations?.['deployment.kubernetes.io/revision'], '3');
    await w.stop();
  });

  it('keeps as many old sets as it is told to', async () => {
    const w = await start({ revisionHistoryLimit: 2 });
    for (const image of ['web:1', 'web:2', 'web:3', 'web:4', 'web:5']) {
      await edit(w, { template: webTemplate(image) });
      await rollOut(w);
    }
    assert.deepEqual((await replicaSets(w)).map(imageOf).sort(), ['web:3', 'web:4', 'web:5']);
    await w.stop();
  });

  it('passes its annotations on, and with them the cause of a change', async () => {
    const w = await start();
    const current = await stored(w);
    const annotations = { ...current.metadata.annotations, 'kubernetes.io/change-cause': 'because' };
    await w.client.update(Deployment, { ...current, metadata: { ...current.metadata, annotations } });
    await w.settle();
    assert.equal((await replicaSets(w))[0]?.metadata.annotations?.['kubernetes.io/change-cause'], 'because');
    await w.stop();
  });

  it('does nothing with a new template while it is paused, follows the number of pods, and goes on when resumed', async () => {
    const w = await start();
    await rollOut(w);
    await edit(w, { paused: true });
    await edit(w, { template: webTemplate('web:2') });
    assert.deepEqual(await sizes(w), { 'web:1': 4 });
    assert.deepEqual(await condition(w, 'Progressing'), ['Unknown', 'DeploymentPaused', 'Deployment is paused']);
    await edit(w, { replicas: 6 });
    assert.deepEqual(await sizes(w), { 'web:1': 6 });
    await edit(w, { paused: false });
    await rollOut(w);
    assert.deepEqual(await sizes(w), { 'web:2': 6 });
    assert.equal((await condition(w, 'Progressing'))?.[1], 'NewReplicaSetAvailable');
    await w.stop();
  });

  it('is scaled in the middle of a rollout in the shares that the sets have', async () => {
    const w = await start({
      replicas: 10,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
    });
    await rollOut(w);
    await edit(w, { template: webTemplate('web:2') });
    await edit(w, { replicas: 15 });
    assert.deepEqual(await sizes(w), { 'web:1': 11, 'web:2': 7 });
    await rollOut(w);
    assert.deepEqual(await sizes(w), { 'web:2': 15 });
    await edit(w, { replicas: 0 });
    assert.deepEqual(await sizes(w), {});
    await edit(w, { replicas: 2 });
    assert.deepEqual(await sizes(w), { 'web:2': 2 });
    await w.stop();
  });

  it('ends all old pods before it makes a new one, when it is to recreate them', async () => {
    const w = await start({ strategy: { type: 'Recreate' } });
    await rollOut(w);
    // Pods on a node need their time to end.
    for (const pod of await livePods(w)) {
      w.client.seed({ ...pod, metadata: { ...pod.metadata, finalizers: ['example.org/ends-slowly'] } });
    }
    await w.settle();
    await edit(w, { template: webTemplate('web:2') });
    assert.deepEqual(await sizes(w), {});
    const pods = await w.all(Pod);
    assert.equal(pods.length, 4, 'they are on their way out');
    for (const pod of pods.slice(1)) w.client.remove(Pod, keyOf(pod));
    await w.settle();
    assert.deepEqual(await sizes(w), {});
    for (const pod of pods) w.client.remove(Pod, keyOf(pod));
    await w.settle();
    assert.deepEqual(await sizes(w), { 'web:2': 4 });
    await rollOut(w);
    assert.equal((await condition(w, 'Progressing'))?.[1], 'NewReplicaSetAvailable');
    await w.stop();
  });

  it('waits for minReadySeconds before it takes old pods away', async () => {
    const w = await start({
      minReadySeconds: 10,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
    await runPods(w);
    await w.pass(11_000);
    await edit(w, { template: webTemplate('web:2') });
    assert.deepEqual(await sizes(w), { 'web:1': 4, 'web:2': 1 });
    await runPods(w);
    await w.pass(9000);
    assert.deepEqual(await sizes(w), { 'web:1': 4, 'web:2': 1 });
    await w.pass(1000);
    assert.deepEqual(await sizes(w), { 'web:1': 3, 'web:2': 2 });
    await edit(w, { minReadySeconds: 0 });
    assert.equal((await replicaSets(w)).find((set) => imageOf(set) === 'web:2')?.spec.minReadySeconds, 0);
    await w.stop();
  });

  it('takes another name for a set whose name another has', async () => {
    const first = await start();
    const [set] = await replicaSets(first);
    await first.stop();
    assert.ok(set);
    const { ownerReferences: _, ...metadata } = set.metadata;
    const taken = { ...set, metadata: { ...metadata, labels: {} }, spec: { ...set.spec, replicas: 0 } };
    const w = await world([deployment(), taken], deploymentController);
    const [ours] = (await replicaSets(w)).filter((one) => one.metadata.ownerReferences !== undefined);
    assert.ok(ours);
    assert.notEqual(ours.metadata.name, set.metadata.name);
    assert.equal((await stored(w)).status?.collisionCount, 1);
    await w.stop();
  });

  it('says that it may not make a set, and why pods are missing', async () => {
    let refused = 'ReplicaSet';
    const w = await world([], deploymentController, replicaSetController);
    w.client.failWith((verb, kind) =>
      verb === 'create' && kind === refused ? failure(403, 'Forbidden', 'no') : undefined,
    );
    w.client.seed(deployment());
    await w.settle();
    const [status, reason, message] = (await condition(w, 'Progressing')) ?? [];
    assert.deepEqual([status, reason], ['False', 'ReplicaSetCreateError']);
    assert.match(message ?? '', /^Failed to create new replica set "web-[^"]+": no$/);
    refused = 'Pod';
    await w.pass(2000);
    assert.deepEqual(await condition(w, 'ReplicaFailure'), ['True', 'FailedCreate', 'no']);
    refused = '';
    await w.pass(10_000);
    await rollOut(w);
    assert.equal(await condition(w, 'ReplicaFailure'), undefined);
    assert.equal((await condition(w, 'Progressing'))?.[1], 'NewReplicaSetAvailable');
    await w.stop();
  });

  it('takes over a set that nobody controls and that it selects, and lets go of one that it selects no more', async () => {
    const w = await start();
    await rollOut(w);
    await w.client.delete(Deployment, key, { propagationPolicy: 'Orphan' });
    const [set] = await replicaSets(w);
    assert.ok(set);
    w.client.remove(Deployment, key);
    w.client.seed({ ...set, metadata: { ...set.metadata, ownerReferences: [] } });
    await w.settle();
    const names = (await livePods(w)).map(({ metadata }) => metadata.name);
    w.client.seed({ ...deployment(), metadata: { ...key, uid: 'another' } });
    await w.settle();
    const [adopted] = await replicaSets(w);
    assert.equal(adopted?.metadata.ownerReferences?.[0]?.uid, 'another');
    assert.deepEqual(
      (await livePods(w)).map(({ metadata }) => metadata.name),
      names,
    );
    assert.equal((await condition(w, 'Progressing'))?.[1], 'NewReplicaSetAvailable');

    w.client.seed({ ...adopted, metadata: { ...adopted.metadata, labels: { app: 'aside' } } } as ReplicaSet);
    await w.settle();
    assert.deepEqual((await w.find(ReplicaSet, keyOf(set)))?.metadata.ownerReferences, []);
    await w.stop();
  });

  it('finds all in order when it is started anew, in the middle of a rollout', async () => {
    const first = await start();
    await rollOut(first);
    await edit(first, { template: webTemplate('web:2') });
    const objects = [await stored(first), ...(await replicaSets(first)), ...(await first.all(Pod))];
    await first.stop();
    const w = await world(objects, deploymentController, replicaSetController);
    assert.deepEqual(w.client.writes, []);
    await rollOut(w);
    assert.deepEqual(await sizes(w), { 'web:2': 4 });
    await w.stop();
  });

  for (const propagationPolicy of ['Background', 'Foreground'] as const) {
    it(`goes with its sets and their pods, deleted ${propagationPolicy.toLowerCase()}`, async () => {
      const w = await world([deployment()], deploymentController, replicaSetController, garbageCollector);
      await rollOut(w);
      await w.client.delete(Deployment, key, { propagationPolicy });
      for (let round = 0; round < 4; round++) await w.settle();
      const left = [...(await w.all(Deployment)), ...(await w.all(ReplicaSet)), ...(await w.all(Pod))];
      assert.deepEqual(
        left.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
        [],
      );
      await w.stop();
    });
  }

  it('leaves its sets and their pods behind when it is deleted as an orphaning owner', async () => {
    const w = await world([deployment()], deploymentController, replicaSetController, garbageCollector);
    await rollOut(w);
    await w.client.delete(Deployment, key, { propagationPolicy: 'Orphan' });
    await w.settle();
    assert.equal(await w.find(Deployment, key), undefined);
    assert.deepEqual(
      (await replicaSets(w)).map(({ metadata }) => metadata.ownerReferences),
      [[]],
    );
    assert.equal((await livePods(w)).length, 4);
    await w.stop();
  });

  it('makes pods anew that fail, without a change of the sets', async () => {
    const w = await start();
    await rollOut(w);
    const [pod] = await livePods(w);
    assert.ok(pod);
    becomes(w, pod, false, 'Failed');
    await rollOut(w);
    assert.deepEqual(await sizes(w), { 'web:1': 4 });
    assert.equal((await stored(w)).status?.availableReplicas, 4);
    await w.stop();
  });
});
