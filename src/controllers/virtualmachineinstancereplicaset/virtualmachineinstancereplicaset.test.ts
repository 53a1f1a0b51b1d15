import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { failure } from '../../api/status.ts';
import { garbageCollector } from '../garbage-collection/garbage-collection.ts';
import { type World, world } from '../testing.ts';
import { virtualMachineInstanceReplicaSetController as controller } from './virtualmachineinstancereplicaset.ts';

const key = { namespace: 'ns', name: 'web' };
type ReplicaSet = VirtualMachineInstanceReplicaSet;

function replicaSet(fields: Partial<ReplicaSet['spec']> = {}): ReplicaSet {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstanceReplicaSet',
    metadata: { ...key, uid: 'set' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { domain: { devices: {} } } },
      ...fields,
    },
  };
}

function alone(name: string, labels: Record<string, string>): VirtualMachineInstance {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { namespace: 'ns', name, uid: name, labels },
    spec: { domain: { devices: {} } },
  };
}

const live = async (w: World) => {
  const all = await w.all(VirtualMachineInstance);
  return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
};

async function stored(w: World): Promise<ReplicaSet> {
  const found = await w.find(VirtualMachineInstanceReplicaSet, key);
  assert.ok(found);
  return found;
}

async function edit(w: World, fields: Partial<ReplicaSet['spec']>): Promise<void> {
  const current = await stored(w);
  w.client.seed({ ...current, spec: { ...current.spec, ...fields } });
  await w.settle();
}

async function become(w: World, vmi: VirtualMachineInstance, phase: string, ready: boolean): Promise<void> {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  w.client.seed({ ...vmi, status: { phase, conditions } });
  await w.settle();
}

describe('the VirtualMachineInstanceReplicaSet controller', () => {
  it('makes instances of the template, with names of its own, and owns them', async () => {
    const w = await world([replicaSet()], controller);
    const made = await live(w);
    assert.equal(made.length, 2);
    for (const { metadata } of made) {
      assert.match(metadata.name ?? '', /^web.+/);
      assert.deepEqual(metadata.labels, { app: 'web' });
      assert.deepEqual(metadata.ownerReferences, [
        {
          apiVersion: 'kubevirt.io/v1',
          kind: 'VirtualMachineInstanceReplicaSet',
          name: 'web',
          uid: 'set',
          controller: true,
          blockOwnerDeletion: true,
        },
      ]);
    }
    const events = await w.events(replicaSet());
    assert.equal(events.filter((event) => event.startsWith('SuccessfulCreate: Started the virtual machine')).length, 2);
    await w.stop();
  });

  it('tells how many there are and are ready, and the selector as text', async () => {
    const w = await world([replicaSet()], controller);
    const [first] = await live(w);
    assert.ok(first);
    await become(w, first, 'Running', true);
    const { status } = await stored(w);
    assert.deepEqual(status, { replicas: 2, readyReplicas: 1, labelSelector: 'app=web' });
    await w.stop();
  });

  it('follows the number of replicas up and down, and lets go of those that are not ready', async () => {
    const w = await world([replicaSet()], controller);
    const [ready] = await live(w);
    assert.ok(ready);
    await become(w, ready, 'Running', true);
    await edit(w, { replicas: 4 });
    assert.equal((await live(w)).length, 4);
    await edit(w, { replicas: 1 });
    assert.deepEqual(
      (await live(w)).map(({ metadata }) => metadata.name),
      [ready.metadata.name],
    );
    assert.equal((await stored(w)).status?.replicas, 1);
    const told = await w.events(replicaSet());
    assert.equal(
      told.filter((event) => /^SuccessfulDelete: Stopped the virtual machine by deleting/.test(event)).length,
      3,
    );
    await w.stop();
  });

  it('replaces an instance that has ended, and one that somebody deleted', async () => {
    const w = await world([replicaSet()], controller);
    const [ended, deleted] = await live(w);
    assert.ok(ended && deleted);
    await become(w, ended, 'Succeeded', false);
    await w.client.delete(VirtualMachineInstance, keyOf(deleted));
    await w.settle();
    const names = (await live(w)).map(({ metadata }) => metadata.name);
    assert.equal(names.length, 2);
    assert.ok(!names.includes(ended.metadata.name) && !names.includes(deleted.metadata.name));
    assert.ok((await w.events(replicaSet())).some((event) => /^SuccessfulDelete: Deleted finished/.test(event)));
    await w.stop();
  });

  it('takes over matching instances that nobody controls, and lets go of those that match no more', async () => {
    const other = { apiVersion: 'v1', kind: 'Other', name: 'o', uid: 'o', controller: true };
    const foreign = alone('foreign', { app: 'web' });
    const owned = { ...foreign, metadata: { ...foreign.metadata, ownerReferences: [other] } };
    const w = await world(
      [replicaSet(), alone('mine', { app: 'web' }), alone('not', { app: 'db' }), owned],
      controller,
    );
    const find = (name: string) => w.find(VirtualMachineInstance, { namespace: 'ns', name });
    const ownersOf = async (name: string) => (await find(name))?.metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
    assert.deepEqual(await ownersOf('mine'), ['set']);
    assert.deepEqual([await ownersOf('not'), await ownersOf('foreign')], [[], ['o']]);
    assert.equal((await live(w)).length, 4, 'one was made beside the one that was taken over');

    const mine = await find('mine');
    assert.ok(mine);
    w.client.seed({ ...mine, metadata: { ...mine.metadata, labels: { app: 'aside' } } });
    await w.settle();
    assert.deepEqual(await ownersOf('mine'), []);
    assert.equal((await live(w)).length, 5, 'another takes its place');
    await w.stop();
  });

  it('neither makes nor deletes while it is paused, and says so', async () => {
    const w = await world([replicaSet({ paused: true })], controller);
    assert.deepEqual(await live(w), []);
    const condition = findCondition((await stored(w)).status?.conditions, 'ReplicaPaused');
    assert.deepEqual(
      [condition?.status, condition?.reason, condition?.message],
      ['True', 'Paused', 'Controller got paused'],
    );
    await edit(w, { paused: false });
    assert.equal((await live(w)).length, 2);
    assert.equal(findCondition((await stored(w)).status?.conditions, 'ReplicaPaused'), undefined);
    const told = await w.events(replicaSet());
    assert.ok(told.includes('SuccessfulPaused: Paused') && told.includes('SuccessfulResumed: Resumed'));
    await w.stop();
  });

  it('tells that the API refuses an instance, asks for no others meanwhile, and comes back to it', async () => {
    let refuse = true;
    const w = await world([], controller);
    let asked = 0;
    w.client.failWith((verb, kind) => {
      if (!refuse || verb !== 'create' || kind !== 'VirtualMachineInstance') return undefined;
      asked++;
      return failure(403, 'Forbidden', 'no room');
    });
    w.client.seed(replicaSet({ replicas: 100 }));
    await w.settle();
    const condition = findCondition((await stored(w)).status?.conditions, 'ReplicaFailure');
    assert.deepEqual([condition?.status, condition?.reason], ['True', 'FailedCreate']);
    assert.match(condition?.message ?? '', /no room/);
    assert.ok((await w.events(replicaSet())).some((event) => /^FailedCreate: Error creating .*no room/.test(event)));
    assert.ok(asked < 10, `${asked} requests`);
    refuse = false;
    await w.pass(5000);
    assert.equal((await live(w)).length, 100);
    assert.equal(findCondition((await stored(w)).status?.conditions, 'ReplicaFailure'), undefined);
    await w.stop();
  });

  it('makes no more than are wanted when it is started anew, and its instances go with it', async () => {
    const first = await world([replicaSet({ replicas: 3 })], controller);
    const objects = [...(await first.all(VirtualMachineInstance)), await stored(first)];
    await first.stop();
    const w = await world(objects, controller, garbageCollector);
    assert.equal((await live(w)).length, 3);
    await w.client.delete(VirtualMachineInstanceReplicaSet, key);
    await w.pass(5000);
    assert.deepEqual(await live(w), []);
    await w.stop();
  });
});
