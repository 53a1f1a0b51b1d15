import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryText, put, value } from '../contract/tools.ts';
import type { Store } from '../store.ts';
import { OutcomeUnknownError } from './errors.ts';
import { type EtcdFixture, fileScope, skipWithoutEtcd, startEtcd } from './etcd.fixture.ts';
import { type Loss, lossyWay } from './lost-answer.fixture.ts';

describe('a write to etcd that gets no answer', { skip: skipWithoutEtcd() }, () => {
  const scope = fileScope();
  let etcd: EtcdFixture;
  before(async () => {
    // It advertises what nobody takes for an endpoint: the way that loses things is not to be gone around.
    etcd = await startEtcd(scope, { members: 1, argv: ['--advertise-client-urls=https://127.0.0.1:1'] });
  });

  /** A way on which something can be lost from now on; others, who see etcd as it is, may write before it is looked up. */
  const lossy = async (t: Parameters<typeof lossyWay>[0], prefix: string) => {
    const way = await lossyWay(t, etcd.endpoints[0] ?? '');
    const store = await etcd.open(t, { endpoints: [way.endpoint], prefix });
    const other = await etcd.open(t, { prefix });
    const lose = async (what: Loss): Promise<void> => {
      // Of an etcd that has not answered lately it is asked first whether it does: that would be lost, and not the write.
      await store.revision();
      way.lose(what);
    };
    return { store, other, lose, way };
  };
  const create = (store: Store, text: string) => store.txn([{ key: 'a', modified: 0 }], [value('a', text)]);

  test('is found by its revision when it was made, and not made again', async (t) => {
    const { store, other, lose } = await lossy(t, '/made/');
    await lose('answers');
    const created = await create(store, '1');
    const entry = await other.get('a');
    assert.deepEqual(created, { ok: true, revision: entry?.modified });
    const modified = entry?.modified ?? 0;
    await lose('answers');
    const deleted = await store.txn([{ key: 'a', modified }], [{ kind: 'delete', key: 'a' }]);
    assert.ok(deleted.ok && deleted.revision === modified + 1);
    assert.equal(await other.get('a'), undefined);
  });

  test('is found also when it has been written over since', async (t) => {
    const { store, other, lose } = await lossy(t, '/over/');
    const revision = await put(store, 'a', '1');
    await lose('answers');
    const lost = store.txn([{ key: 'a', modified: revision }], [value('a', '2')]);
    while ((await other.get('a'))?.modified === revision);
    await put(other, 'a', '3');
    assert.deepEqual(await lost, { ok: true, revision: revision + 1 });
  });

  test('is asked for first whether anybody answers, where nobody did lately, and so is never unknown', async (t) => {
    const { store, other, way } = await lossy(t, '/asked/');
    for (const [i, what] of (['questions', 'answers'] as const).entries()) {
      const revision = await put(store, `k${i}`, '1');
      await sleep(100);
      way.lose(what);
      const written = await store.txn([{ key: `k${i}`, modified: revision }], [value(`k${i}`, '2')]);
      assert.deepEqual(written, { ok: true, revision: (await other.get(`k${i}`))?.modified });
    }
  });

  test('is told as refused when another came first, with what is there', async (t) => {
    const { store, other, lose } = await lossy(t, '/other/');
    const revision = await put(store, 'a', '1');
    await lose('questions');
    const lost = store.txn([{ key: 'a', modified: revision }], [value('a', 'mine')]);
    const next = await put(other, 'a', 'theirs');
    const result = await lost;
    assert.ok(!result.ok);
    assert.deepEqual(result.current.map(entryText), [`a=theirs@${revision}-${next}`]);
  });

  test('is told as unknown when it cannot be found out', async (t) => {
    const { store, other, lose } = await lossy(t, '/unknown/');
    await lose('questions');
    await assert.rejects(create(store, '1'), OutcomeUnknownError);
    assert.equal(await other.get('a'), undefined);
    await lose('answers');
    await assert.rejects(put(store, 'a', 'without a compare'), OutcomeUnknownError);
    assert.equal((await create(store, '2')).ok, false);
  });
});
