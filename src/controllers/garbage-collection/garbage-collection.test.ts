import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Event } from '../../api/core/v1/event.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { type World, world } from '../testing.ts';
import { eventSweeper } from './event-ttl.ts';
import { garbageCollector } from './garbage-collection.ts';

const owner = (uid = 'owner', finalizers: string[] = []): L2Advertisement => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'L2Advertisement',
  metadata: { name: uid, namespace: 'ns', uid, finalizers },
});

function dependent(name: string, owners: [kind: string, uid: string][], finalizers: string[] = []): Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      finalizers,
      ownerReferences: owners.map(([kind, uid]) => {
        const apiVersion = kind === 'L2Advertisement' ? 'metallb.io/v1beta1' : 'example.org/v1';
        return { apiVersion, kind, name: uid, uid, blockOwnerDeletion: true };
      }),
    },
  };
}

const key = { namespace: 'ns', name: 'owner' };
const leases = async (w: World) => (await w.all(Lease)).map(({ metadata }) => metadata.name);

describe('the garbage collector', () => {
  it('deletes what a deleted owner leaves, and nothing else', async () => {
    const objects = [
      owner(),
      dependent('child', [['L2Advertisement', 'owner']]),
      dependent('free', []),
      dependent('foreign', [['Widget', 'unknown']]),
    ];
    const w = await world(objects, garbageCollector);
    assert.equal((await leases(w)).length, 3);
    w.client.remove(L2Advertisement, key);
    await w.settle();
    assert.deepEqual(await leases(w), ['foreign', 'free']);
    await w.stop();
  });

  it('deletes what was left while it was not running, and what is made for an owner that is gone', async () => {
    const w = await world([dependent('child', [['L2Advertisement', 'owner']])], garbageCollector);
    assert.deepEqual(await leases(w), []);
    w.client.seed(dependent('late', [['L2Advertisement', 'owner']]));
    await w.settle();
    assert.deepEqual(await leases(w), []);
    await w.stop();
  });

  it('is not taken in by another owner of the same name', async () => {
    const w = await world(
      [
        { ...owner('other'), metadata: { ...owner().metadata, uid: 'other' } },
        dependent('child', [['L2Advertisement', 'owner']]),
      ],
      garbageCollector,
    );
    assert.deepEqual(await leases(w), []);
    await w.stop();
  });

  it('keeps what has another owner, without the reference to the one that is gone', async () => {
    const shared = dependent('shared', [
      ['L2Advertisement', 'owner'],
      ['L2Advertisement', 'second'],
    ]);
    const w = await world([owner(), owner('second'), shared], garbageCollector);
    w.client.remove(L2Advertisement, key);
    await w.settle();
    const found = await w.find(Lease, { namespace: 'ns', name: 'shared' });
    assert.deepEqual(
      found?.metadata.ownerReferences?.map(({ uid }) => uid),
      ['second'],
    );
    await w.stop();
  });

  it('lets the owner go last in a foreground delete', async () => {
    const w = await world(
      [owner(), dependent('child', [['L2Advertisement', 'owner']], ['example.org/wait'])],
      garbageCollector,
    );
    await w.client.delete(L2Advertisement, key, { propagationPolicy: 'Foreground' });
    await w.settle();
    assert.ok(await w.find(L2Advertisement, key));
    w.client.remove(Lease, { namespace: 'ns', name: 'child' });
    await w.settle();
    assert.equal(await w.find(L2Advertisement, key), undefined);
    await w.stop();
  });

  it('leaves the dependents in an orphaning delete', async () => {
    const w = await world([owner(), dependent('child', [['L2Advertisement', 'owner']])], garbageCollector);
    await w.client.delete(L2Advertisement, key, { propagationPolicy: 'Orphan' });
    await w.settle();
    assert.equal(await w.find(L2Advertisement, key), undefined);
    const found = await w.find(Lease, { namespace: 'ns', name: 'child' });
    assert.deepEqual(found?.metadata.ownerReferences, []);
    await w.stop();
  });

  it('does nothing to objects without owners', async () => {
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' } };
    const w = await world([pod, owner()], garbageCollector);
    assert.deepEqual(w.client.writes, []);
    assert.equal((await w.all(Pod)).length, 1);
    await w.stop();
  });
});

describe('the event sweeper', () => {
  it('removes an Event an hour after it last happened', async () => {
    const event = (name: string, lastTimestamp: string): Event => {
      return {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: 'ns' },
        involvedObject: {},
        lastTimestamp,
      };
    };
    const names = async () => (await w.all(Event)).map(({ metadata }) => metadata.name);
    const objects = [event('old', '2025-12-31T22:30:00Z'), event('recent', '2025-12-31T23:30:00Z')];
    const creationTimestamp = '2025-12-31T20:00:00Z';
    const stored = objects.map((each) => ({ ...each, metadata: { ...each.metadata, creationTimestamp } }));
    const w = await world(stored, eventSweeper);
    assert.deepEqual(await names(), ['recent']);
    await w.pass(31 * 60_000);
    assert.deepEqual(await names(), []);
    await w.stop();
  });
});
