import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { ReplicationController } from '../../api/core/v1/replicationcontroller.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { failure } from '../../api/status.ts';
import { TransportError } from '../../client/client.ts';
import { garbageCollector } from '../garbage-collection/garbage-collection.ts';
import { replicaSetController } from '../replicaset/replicaset.ts';
import { replicationControllerController } from '../replicationcontroller/replicationcontroller.ts';
import { type World, world } from '../testing.ts';
import { alone, becomes, livePods, NAMESPACE, replicaSet, runPods, webTemplate } from './testing.ts';

const key = { namespace: NAMESPACE, name: 'web' };

async function stored(w: World): Promise<ReplicaSet> {
  const found = await w.find(ReplicaSet, key);
  assert.ok(found);
  return found;
}

async function edit(w: World, fields: Partial<ReplicaSet['spec']>): Promise<void> {
  const current = await stored(w);
  await w.client.update(ReplicaSet, { ...current, spec: { ...current.spec, ...fields } });
  await w.settle();
}

describe('the ReplicaSet controller', () => {
  it('makes pods of the template, with names of its own, and controls them', async () => {
    const w = await world([replicaSet()], replicaSetController);
    const made = await livePods(w);
    assert.equal(made.length, 2);
    for (const { metadata, spec } of made) {
      assert.match(metadata.name ?? '', /^web-[b-df-hj-np-tv-xz2-9]{5}$/);
      assert.deepEqual([metadata.generateName, metadata.labels], ['web-', { app: 'web' }]);
      assert.equal(spec?.containers?.[0]?.image, 'web:1');
      assert.deepEqual(metadata.ownerReferences, [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'web',
          uid: 'uid-of-web',
          controller: true,
          blockOwnerDeletion: true,
        },
      ]);
    }
    const events = await w.events(replicaSet());
    assert.deepEqual(
      events.sort(),
      made.map(({ metadata }) => `SuccessfulCreate: Created pod: ${metadata.name}`).sort(),
    );
    await w.stop();
  });

  it('tells how many there are, have all labels, are ready, and have been for long enough', async () => {
    const w = await world([replicaSet({ replicas: 3, minReadySeconds: 10 })], replicaSetController);
    const [first, second] = await livePods(w);
    assert.ok(first && second);
    becomes(w, first, true);
    await w.pass(6000);
    becomes(w, second, true);
    await w.settle();
    const counts = async () => (await stored(w)).status;
    const status = { replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 2, observedGeneration: 1 };
    assert.deepEqual(await counts(), status);
    await w.pass(4000);
    assert.deepEqual(await counts(), { ...status, availableReplicas: 1 });
    await w.pass(6000);
    assert.deepEqual(await counts(), { ...status, availableReplicas: 2 });
    await w.stop();
  });

  it('follows the number up and down, and lets go of those that are not ready', async () => {
    const w = await world([replicaSet()], replicaSetController);
    const [ready] = await livePods(w);
    assert.ok(ready);
    becomes(w, ready, true);
    await edit(w, { replicas: 5 });
    assert.equal((await livePods(w)).length, 5);
    await edit(w, { replicas: 1 });
    assert.deepEqual(
      (await livePods(w)).map(({ metadata }) => metadata.name),
      [ready.metadata.name],
    );
    const { status } = await stored(w);
    assert.deepEqual([status?.replicas, status?.observedGeneration], [1, 3]);
    const told = (await w.events(replicaSet())).filter((event) => /^SuccessfulDelete: Deleted pod: web-/.test(event));
    assert.equal(told.length, 4);
    await w.stop();
  });

  it('replaces a pod that has ended, one that is on its way out, and one that somebody removed', async () => {
    const w = await world([replicaSet({ replicas: 3 })], replicaSetController);
    const [ended, going, removed] = await livePods(w);
    assert.ok(ended && going && removed);
    becomes(w, ended, false, 'Failed');
    w.client.seed({ ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:30Z' } });
    w.client.remove(Pod, keyOf(removed));
    await w.settle();
    const names = (await livePods(w))
      .filter(({ status }) => status?.phase !== 'Failed')
      .map(({ metadata }) => metadata.name);
    assert.equal(names.length, 3);
    for (const { metadata } of [ended, going, removed]) assert.ok(!names.includes(metadata.name));
    assert.equal((await stored(w)).status?.replicas, 3);
    await w.stop();
  });

  it('takes over matching pods that nobody controls, and lets go of those that match no more', async () => {
    const other = { apiVersion: 'v1', kind: 'Other', name: 'o', uid: 'o', controller: true };
    const foreign = alone('foreign', { app: 'web' });
    const owned = { ...foreign, metadata: { ...foreign.metadata, ownerReferences: [other] } };
    const w = await world(
      [replicaSet(), alone('mine', { app: 'web' }), alone('not', { app: 'db' }), owned],
      replicaSetController,
    );
    const find = (name: string) => w.find(Pod, { namespace: NAMESPACE, name });
    const ownersOf = async (name: string) => (await find(name))?.metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
    assert.deepEqual(await ownersOf('mine'), ['uid-of-web']);
    assert.deepEqual([await ownersOf('not'), await ownersOf('foreign')], [[], ['o']]);
    assert.equal((await livePods(w)).length, 4, 'one was made beside the one that was taken over');

    const mine = await find('mine');
    assert.ok(mine);
    w.client.seed({ ...mine, metadata: { ...mine.metadata, labels: { app: 'aside' } } });
    await w.settle();
    assert.deepEqual(await ownersOf('mine'), []);
    assert.equal((await livePods(w)).length, 5, 'another takes its place');
    w.client.seed(alone('late', { app: 'web' }));
    await w.settle();
    assert.equal((await livePods(w)).length, 5, 'one too many by the late one, so one went');
    await w.stop();
  });

  it('selects by expressions, too', async () => {
    const selector = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'www'] }] };
    const w = await world([replicaSet({ selector }), alone('mine', { app: 'www' })], replicaSetController);
    assert.equal((await livePods(w)).length, 2);
    await w.stop();
  });

  it('tells that the API refuses a pod, asks for no others meanwhile, and comes back to it', async () => {
    let refuse = true;
    let asked = 0;
    const w = await world([], replicaSetController);
    w.client.failWith((verb, kind) => {
      if (!refuse || verb !== 'create' || kind !== 'Pod') return undefined;
      asked++;
      return failure(403, 'Forbidden', 'no room');
    });
    w.client.seed(replicaSet({ replicas: 100 }));
    await w.settle();
    const condition = findCondition((await stored(w)).status?.conditions, 'ReplicaFailure');
    assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['True', 'FailedCreate', 'no room']);
    assert.ok((await w.events(replicaSet())).includes('FailedCreate: Error creating: no room'));
    assert.ok(asked < 10, `${asked} requests`);
    refuse = false;
    await w.pass(5000);
    assert.equal((await livePods(w)).length, 100);
    assert.equal(findCondition((await stored(w)).status?.conditions, 'ReplicaFailure'), undefined);
    await w.stop();
  });

  it('makes no pod twice when it is not told whether the first was made', async () => {
    const w = await world([], replicaSetController);
    const { client } = w;
    const create = client.create.bind(client);
    const asked: string[] = [];
    client.create = async (kind, draft) => {
      const name = (kind.kind as string) === 'Pod' ? (draft.metadata.name ?? '') : undefined;
      const isLost = name !== undefined && !asked.includes(name) && asked.length < 3;
      if (name !== undefined) asked.push(name);
      const made = await create(kind, draft);
      if (isLost) throw new TransportError('the connection broke');
      return made;
    };
    client.failWith((verb, kind) => (verb === 'watch' && kind === 'Pod' ? new TransportError('no watch') : undefined));
    client.disconnect();
    client.seed(replicaSet({ replicas: 4 }));
    await w.pass(3000);
    client.failWith(undefined);
    await w.pass(3000);
    assert.equal(asked.length - new Set(asked).size, 2, 'two were asked for again');
    const deleted = client.writes.filter(({ verb, kind }) => verb === 'delete' && kind === 'Pod');
    assert.deepEqual([(await livePods(w)).length, deleted.length], [4, 0]);
    await w.stop();
  });

  it('makes no pod twice when nobody tells it for minutes of those it made', async () => {
    const w = await world([], replicaSetController);
    const { client } = w;
    client.failWith((verb, kind) => (verb === 'watch' && kind === 'Pod' ? new TransportError('no watch') : undefined));
    client.disconnect();
    await w.pass(1000);
    client.seed(replicaSet({ replicas: 3 }));
    await w.settle();
    for (let minute = 0; minute < 3; minute++) {
      await w.pass(60_000);
      await client.patch(ReplicaSet, key, { type: 'merge', body: { spec: { minReadySeconds: minute } } });
      await w.settle();
    }
    client.failWith(undefined);
    await w.pass(5000);
    const written = client.writes.filter(({ kind }) => kind === 'Pod').map(({ verb }) => verb);
    assert.deepEqual(written, ['create', 'create', 'create']);
    await w.stop();
  });

  it('makes another when the first, whose answer was lost, is told of', async () => {
    const w = await world([], replicaSetController);
    const { client } = w;
    const create = client.create.bind(client);
    let lost = 0;
    client.create = async (kind, draft) => {
      const made = await create(kind, draft);
      if ((kind.kind as string) !== 'Pod' || lost++ > 0) return made;
      throw new TransportError('the connection broke');
    };
    client.seed(replicaSet({ replicas: 2 }));
    await w.pass(3000);
    assert.equal((await livePods(w)).length, 2);
    const [first] = await livePods(w);
    w.client.remove(Pod, keyOf(first ?? alone('none', {})));
    await w.pass(1000);
    assert.equal((await livePods(w)).length, 2);
    await w.stop();
  });

  it('makes no more than are wanted when it is started anew, and its pods go with it', async () => {
    const first = await world([replicaSet({ replicas: 3 })], replicaSetController);
    const objects = [...(await first.all(Pod)), await stored(first)];
    await first.stop();
    const w = await world(objects, replicaSetController, garbageCollector);
    assert.equal((await livePods(w)).length, 3);
    assert.deepEqual(w.client.writes, []);
    await w.client.delete(ReplicaSet, key);
    await w.settle();
    assert.deepEqual(await livePods(w), []);
    await w.stop();
  });

  it('does not look at other sets when a pod changes', async () => {
    const others = Array.from({ length: 30 }, (_, i) =>
      replicaSet(
        {
          replicas: 0,
          selector: { matchLabels: { app: `o${i}` } },
          template: { ...webTemplate(), metadata: { labels: { app: `o${i}` } } },
        },
        `o${i}`,
      ),
    );
    const w = await world([replicaSet(), ...others], replicaSetController);
    const before = w.client.writes.length;
    await runPods(w);
    const written = w.client.writes.slice(before).map(({ kind, key: name }) => `${kind} ${name}`);
    assert.deepEqual([...new Set(written)], ['ReplicaSet ns/web']);
    await w.stop();
  });
});

describe('the ReplicationController controller', () => {
  it('does the same for its kind, and leaves the pods of ReplicaSets alone', async () => {
    const rc: ReplicationController = {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { ...key, uid: 'rc' },
      spec: { replicas: 3, selector: { app: 'web' }, template: webTemplate() },
    };
    const w = await world([rc, replicaSet({ replicas: 1 })], replicationControllerController, replicaSetController);
    await runPods(w);
    const owners = (await livePods(w)).map(({ metadata }) => metadata.ownerReferences?.[0]?.kind).sort();
    assert.deepEqual(owners, ['ReplicaSet', ...Array<string>(3).fill('ReplicationController')]);
    const { status } = (await w.find(ReplicationController, key)) ?? {};
    assert.deepEqual([status?.replicas, status?.readyReplicas, status?.availableReplicas], [3, 3, 3]);
    await w.stop();
  });
});
