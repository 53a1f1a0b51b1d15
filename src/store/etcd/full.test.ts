/** etcds that run out of room: by their quota, and by the disk of one member. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { skipWithoutMounts, smallDisk } from '../../../test/support/small-disk.ts';
import { put } from '../contract/tools.ts';
import { StoreFullError } from '../errors.ts';
import type { Store } from '../store.ts';
import { OutcomeUnknownError } from './errors.ts';
import { skipWithoutEtcd, startEtcd } from './etcd.fixture.ts';
import { maintenanceOf } from './maintenance.fixture.ts';

const MEGABYTE = 1024 * 1024;

/** Writes until a write fails; answers why, and how many did not. */
async function fillUp(store: Store): Promise<{ readonly written: number; readonly error: unknown }> {
  for (let written = 0; written < 100; written++) {
    try {
      await put(store, 'large', 'x'.repeat(MEGABYTE));
    } catch (error) {
      return { written, error };
    }
  }
  return { written: 100, error: undefined };
}

/** A write whose outcome may be unknown, as its leader may end meanwhile. */
async function putOrNot(store: Store, key: string, text: string): Promise<void> {
  try {
    await put(store, key, text);
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError)) throw error;
  }
}

/** Tries for two seconds at most, until there is room. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StoreFullError) || tries === 20) throw error;
    }
    await pause(100);
  }
}

describe('an etcd without room', { skip: skipWithoutEtcd() }, () => {
  test('refuses writes when its quota is used up, says what to do, and writes again once that is done', async (t) => {
    const etcd = await startEtcd(t, { members: 1, argv: [`--quota-backend-bytes=${8 * MEGABYTE}`] });
    const store = await etcd.open(t);
    await put(store, 'kept', '1');
    const { written, error } = await fillUp(store);
    assert.ok(written > 2);
    assert.ok(error instanceof StoreFullError, String(error));
    assert.match(error.message, /write to etcd: .*database space exceeded: .*etcdctl compact.*defrag.*alarm disarm/);
    // etcd may have done the write during which it noticed that there was no room left, and not say so.
    const full = await store.revision();
    assert.ok(full === written + 1 || full === written + 2, `revision ${full} after ${written} writes`);
    assert.equal(Buffer.from((await store.get('kept'))?.value ?? []).toString(), '1');
    await assert.rejects(put(store, 'more', '1'), StoreFullError);
    assert.equal(await store.revision(), full);

    const maintenance = await maintenanceOf(etcd.endpoints[0] ?? '');
    t.after(() => maintenance.close());
    assert.deepEqual(await maintenance.alarms(), ['NOSPACE']);
    await store.compact(await store.revision());
    // etcd forgets by and by; what is not forgotten yet, defragmenting cannot give back.
    const revision = await eventually(async () => {
      await maintenance.defragment();
      await maintenance.disarm();
      return put(store, 'more', '1');
    });
    assert.equal(revision, full + 1);
  });

  test('at one member goes on with the others, and that one catches up when it has room', {
    skip: skipWithoutMounts(),
  }, async (t) => {
    // A write-ahead log is 64 MiB from the start, and the next is made beside it.
    const disk = await smallDisk(t, 160 * MEGABYTE);
    const etcd = await startEtcd(t, { members: 3, dirs: [join(disk.outside, 'etcd')] });
    await etcd.leader();
    const store = await etcd.open(t);
    const [full, ...others] = etcd.members;
    assert.ok(full);
    await put(store, 'kept', '1');
    disk.fill();
    for (let i = 0; i < 200 && !full.hasEnded; i++) await putOrNot(store, `large-${i % 8}`, 'x'.repeat(MEGABYTE));
    assert.ok(full.hasEnded, 'a member with a full disk ends');
    const revision = await put(store, 'while', '1');
    assert.ok(others.every(({ hasEnded }) => !hasEnded));

    disk.free();
    full.start();
    await etcd.leader();
    const alone = await etcd.open(t, { endpoints: [full.endpoint] });
    assert.equal(await alone.revision(), revision);
    assert.equal((await alone.get('kept'))?.modified, 1);
  });
});
