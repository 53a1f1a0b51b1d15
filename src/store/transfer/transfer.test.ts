import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { silentLogger } from '../../host/log.ts';
import { del, put } from '../contract/tools.ts';
import { StoreLockedError, StoreOccupiedError, StoreUnfinishedError } from '../errors.ts';
import { type EtcdFixture, fileScope, skipWithoutEtcd, startEtcd } from '../etcd/etcd.fixture.ts';
import { type EtcdOptions, openEtcdStore } from '../etcd/etcd-store.ts';
import { etcdSnapshot, openEtcdTarget } from '../etcd/transfer.ts';
import { checkStore } from '../lmdb/check.ts';
import { openLmdbStore } from '../lmdb/lmdb-store.ts';
import { openLmdbSnapshot } from '../lmdb/snapshot.ts';
import { openLmdbTarget } from '../lmdb/target.ts';
import { openMemoryStore } from '../memory/memory-store.ts';
import { CompactedError, type Entry, type Store } from '../store.ts';
import { copyStore } from './copy.ts';
import { diff } from './diff.ts';
import { type Snapshot, snapshotOf } from './snapshot.ts';

const quiet = () => {};
const entry = (key: string, text: string, modified = 1): Entry => ({
  key,
  value: Buffer.from(text),
  created: 1,
  modified,
});

/** Everything, without revisions. */
async function contents(store: Store): Promise<string[]> {
  const { entries } = await store.list('/registry/');
  return entries
    .filter(({ key }) => !key.includes('postern.dev'))
    .map(({ key, value }) => `${key}=${Buffer.from(value)}`);
}

/** A snapshot of `count` entries, and the store that it is of. */
async function filled(store: Store, count: number): Promise<void> {
  for (let i = 0; i < count; i += 100) {
    const puts = Array.from({ length: Math.min(100, count - i) }, (_, n) => ({
      kind: 'put' as const,
      key: `/registry/pods/default/${String(i + n).padStart(5, '0')}`,
      value: Buffer.from(`value ${i + n}`),
    }));
    await store.txn([], puts);
  }
  await put(store, '/registry/a', 'changed twice');
  await put(store, '/registry/a', 'the last');
  await put(store, '/registry/gone', '1');
  await del(store, '/registry/gone');
}

/** Ends after some entries, as a process that is killed. */
function dying(snapshot: Snapshot, after: number): Snapshot {
  return {
    ...snapshot,
    async *pages() {
      let seen = 0;
      for await (const page of snapshot.pages()) {
        if (seen >= after) throw new Error('killed');
        seen += page.length;
        yield page;
      }
    },
  };
}

describe('the difference between two stretches of keys', () => {
  const cases: readonly [string, readonly Entry[], readonly Entry[], string, string][] = [
    ['nothing', [], [], '', ''],
    ['all is new', [entry('a', '1'), entry('b', '1')], [], 'a b', ''],
    ['all is there', [entry('a', '1')], [entry('a', '1', 7)], '', ''],
    ['a value differs', [entry('a', '1'), entry('b', '1')], [entry('a', '2'), entry('b', '1')], 'a', ''],
    ['keys are too many', [entry('b', '1')], [entry('a', '1'), entry('b', '1'), entry('c', '1')], '', 'a c'],
    ['keys change places', [entry('a', '1'), entry('c', '1')], [entry('b', '1'), entry('d', '1')], 'a c', 'b d'],
  ];
  for (const [title, source, target, puts, deletes] of cases) {
    test(title, () => {
      const found = diff(source, target, { revisions: false });
      assert.equal(found.puts.map(({ key }) => key).join(' '), puts);
      assert.equal(found.deletes.join(' '), deletes);
    });
  }

  test('of revisions alone counts only where they are kept', () => {
    const [old, later] = [[entry('a', '1')], [entry('a', '1', 2)]];
    assert.deepEqual(diff(old, later, { revisions: true }).puts, old);
  });
});

describe('a store in LMDB', () => {
  test('is read by others as it was, while it is written', async (t) => {
    const dir = join(tempDir(t), 'store');
    const store = await openLmdbStore({ dir });
    t.after(() => store.close());
    await filled(store, 600);
    const before = await contents(store);
    const snapshot = await openLmdbSnapshot({ dir, alone: false });
    await put(store, '/registry/later', '1');
    const seen: string[] = [];
    for await (const page of snapshot.pages())
      seen.push(...page.map(({ key, value }) => `${key}=${Buffer.from(value)}`));
    await snapshot.close();
    assert.deepEqual(seen, before);
    assert.equal(snapshot.revision, 10);
    await assert.rejects(openLmdbSnapshot({ dir, alone: true }), StoreLockedError);
  });

  test('is filled with revisions as they were, and goes on from where the other had come', async (t) => {
    const source = openMemoryStore();
    await filled(source, 300);
    const snapshot = await snapshotOf(source);
    const dir = join(tempDir(t), 'store');
    const target = await openLmdbTarget(dir, { from: 'a test', revision: snapshot.revision + 1000 });
    const report = await copyStore(snapshot, target, quiet);
    await target.close();
    assert.deepEqual([report.entries, report.written, report.revision], [301, 301, snapshot.revision + 1000]);
    assert.deepEqual((await checkStore(dir)).problems, []);

    const store = await openLmdbStore({ dir });
    t.after(() => store.close());
    assert.deepEqual((await store.list('')).entries, (await source.list('')).entries);
    await assert.rejects(async () => {
      for await (const _ of store.watch('', snapshot.revision, AbortSignal.timeout(5000)));
    }, CompactedError);
    assert.equal(await put(store, '/registry/next', '1'), snapshot.revision + 1001);
  });

  test('is of no use to anybody until it is whole, and is filled by nobody else', async (t) => {
    const source = openMemoryStore();
    await filled(source, 600);
    const snapshot = await snapshotOf(source);
    const dir = join(tempDir(t), 'store');
    const filling = { from: 'a test', revision: 20 };
    const first = await openLmdbTarget(dir, filling);
    await assert.rejects(copyStore(dying(snapshot, 300), first, quiet), /killed/);
    await first.close();
    await assert.rejects(openLmdbStore({ dir }), StoreUnfinishedError);
    await assert.rejects(checkStore(dir), StoreUnfinishedError);
    await assert.rejects(openLmdbSnapshot({ dir, alone: false }), StoreUnfinishedError);
    await assert.rejects(openLmdbTarget(dir, { ...filling, from: 'another' }), StoreOccupiedError);

    const second = await openLmdbTarget(dir, filling);
    const report = await copyStore(snapshot, second, quiet);
    await second.close();
    assert.deepEqual([report.entries, report.written], [601, 101]);
    await assert.rejects(openLmdbTarget(dir, filling), StoreOccupiedError);
    await (await openLmdbStore({ dir })).close();
  });
});

describe('a store in etcd', { skip: skipWithoutEtcd() }, () => {
  const scope = fileScope();
  let etcd: EtcdFixture;
  let places = 0;
  before(async () => {
    etcd = await startEtcd(scope, { members: 1 });
  });

  const placeOf = (): EtcdOptions => ({
    endpoints: etcd.endpoints,
    prefix: `/place-${places++}/`,
    root: '/registry/',
    log: silentLogger,
  });
  const openOf = async (t: TestContext, options: EtcdOptions): Promise<Store> => {
    const store = await openEtcdStore(options);
    t.after(() => store.close());
    return store;
  };

  test('is filled from one that counted further, and back, and no revision is ever lower', async (t) => {
    const source = openMemoryStore();
    await filled(source, 300);
    for (let i = 0; i < 2000; i++) await put(source, '/registry/often', String(i));
    const snapshot = await snapshotOf(source);
    const place = placeOf();
    const target = await openEtcdTarget(place, { from: 'a test', revision: snapshot.revision });
    const report = await copyStore(snapshot, target, quiet);
    await target.close();
    assert.equal(report.entries, 302);

    const store = await openOf(t, place);
    assert.deepEqual(await contents(store), await contents(source));
    const { entries, revision } = await store.list('/registry/pods/');
    assert.ok(entries.every(({ created, modified }) => created > snapshot.revision && modified <= revision));
    for (const old of [0, 1, snapshot.revision - 1]) {
      await assert.rejects(store.list('/registry/', { revision: old }), CompactedError);
      await assert.rejects(async () => {
        for await (const _ of store.watch('/registry/', old, AbortSignal.timeout(5000)));
      }, CompactedError);
    }
    const stale = await store.txn([{ key: '/registry/a', modified: 3 }], [{ kind: 'delete', key: '/registry/a' }]);
    assert.equal(stale.ok, false);

    const next = await put(store, '/registry/next', '1');
    assert.ok(next > report.revision);
    const back = await etcdSnapshot(store, place);
    const dir = join(tempDir(t), 'store');
    const home = await openLmdbTarget(dir, { from: 'back', revision: back.revision });
    const returned = await copyStore(back, home, quiet);
    await home.close();
    assert.deepEqual([returned.entries, returned.revision], [303, next]);
    assert.deepEqual((await checkStore(dir)).problems, []);
  });

  test('goes on from where it was cut short, and is of no use before', async (t) => {
    const source = openMemoryStore();
    await filled(source, 600);
    const snapshot = await snapshotOf(source);
    const place = placeOf();
    const filling = { from: 'a test', revision: snapshot.revision };
    const first = await openEtcdTarget(place, filling);
    await assert.rejects(copyStore(dying(snapshot, 300), first, quiet), /killed/);
    await first.close();
    await assert.rejects(openEtcdStore(place), StoreUnfinishedError);
    await assert.rejects(openEtcdTarget(place, { ...filling, from: 'another' }), StoreOccupiedError);
    const second = await openEtcdTarget(place, filling);
    const report = await copyStore(snapshot, second, quiet);
    await second.close();
    assert.deepEqual([report.entries, report.written], [601, 101]);
    assert.deepEqual(await contents(await openOf(t, place)), await contents(source));
    await assert.rejects(openEtcdTarget(place, filling), StoreOccupiedError);
  });

  test('that holds something is not filled', async (t) => {
    const place = placeOf();
    await put(await openOf(t, place), '/registry/a', '1');
    await assert.rejects(openEtcdTarget(place, { from: 'a test', revision: 1 }), StoreOccupiedError);
  });

  test('has its keys where the prefix says, and takes no others', async (t) => {
    const place = placeOf();
    const store = await openOf(t, place);
    await put(store, '/registry/pods/a', '1');
    const bare = await openOf(t, { endpoints: etcd.endpoints, log: silentLogger });
    const { entries } = await bare.list(place.prefix ?? '');
    assert.deepEqual(
      entries.map(({ key }) => key),
      [`${place.prefix}pods/a`],
    );
    for (const prefix of ['', '/', '/registry/', '/registry/pods/']) {
      assert.equal((await store.list(prefix)).entries[0]?.key, '/registry/pods/a', prefix);
      assert.equal((await store.list(prefix, { after: '/registry/pods/a' })).entries.length, 0);
      assert.equal((await store.list(prefix, { after: '/a' })).entries.length, 1);
      assert.equal((await store.list(prefix, { after: '/z' })).entries.length, 0);
    }
    assert.equal((await store.list('/other')).entries.length, 0);
    await assert.rejects(store.get('/other'), /begin with \/registry\//);
  });
});
