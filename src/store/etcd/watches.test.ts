import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { collect, put, value } from '../contract/tools.ts';
import { CompactedError, type Store } from '../store.ts';
import { type EtcdFixture, fileScope, skipWithoutEtcd, startEtcd } from './etcd.fixture.ts';

const MEGABYTE = 1024 * 1024;
/** More than is kept at hand. */
const MANY = 12;

describe('a watch of etcd', { skip: skipWithoutEtcd() }, () => {
  const scope = fileScope();
  let etcd: EtcdFixture;
  before(async () => {
    etcd = await startEtcd(scope, { members: 1 });
  });

  const putLarge = async (store: Store, from: number): Promise<void> => {
    for (let i = from; i < from + MANY; i++) {
      await store.txn([], [{ kind: 'put', key: `large/${i}`, value: new Uint8Array(MEGABYTE).fill(i) }]);
    }
  };

  test('that is behind what is kept at hand is told by etcd what it missed, and goes on from there', async (t) => {
    const store = await etcd.open(t, { prefix: '/behind/' });
    const from = await put(store, 'first', '1');
    const slow = store.watch('large/', from, AbortSignal.timeout(20_000))[Symbol.asyncIterator]();
    await putLarge(store, 0);
    const late = store.watch('', from, AbortSignal.timeout(20_000))[Symbol.asyncIterator]();
    await putLarge(store, MANY);
    const expected = Array.from({ length: 2 * MANY }, (_, i) => `large/${i}`);
    for (const watch of [slow, late]) {
      const keys: string[] = [];
      while (keys.length < 2 * MANY) {
        const { value: batch } = await watch.next();
        for (const event of batch?.events ?? []) if (event.kind === 'put') keys.push(event.entry.key);
      }
      assert.deepEqual(keys, expected);
    }
    const next = [slow.next(), late.next()];
    await store.txn([], [value('large/last', '')]);
    for (const { value: batch } of await Promise.all(next)) assert.equal(batch?.events.length, 1);
    await Promise.all([slow.return?.(), late.return?.()]);
  });

  test('of history that another server compacted is refused with the oldest that is left', async (t) => {
    const [store, other] = [await etcd.open(t, { prefix: '/shared/' }), await etcd.open(t, { prefix: '/shared/' })];
    const first = await put(store, 'a', '1');
    const second = await put(store, 'a', '2');
    await put(store, 'a', '3');
    await other.compact(second);
    await assert.rejects(store.get('a', first), new CompactedError(first, second));
    const fresh = await etcd.open(t, { prefix: '/shared/' });
    await assert.rejects(collect(fresh, 'a', first, 1), (error) => {
      return error instanceof CompactedError && error.asked === first && error.oldest === second;
    });
  });

  test('of a store that nobody writes to goes on, however much others write to etcd, and compact', async (t) => {
    const [quiet, busy] = [await etcd.open(t, { prefix: '/quiet/' }), await etcd.open(t, { prefix: '/busy/' })];
    const from = await put(quiet, 'a', '1');
    await collect(quiet, 'a', from - 1, 1);
    const seen = collect(quiet, 'a', from, 1);
    for (let i = 0; i < 10; i++) await put(busy, 'b', String(i));
    await quiet.compact(await quiet.revision());
    const next = await put(quiet, 'a', '2');
    assert.deepEqual(await seen, [`put a=2@${from}-${next} was 1`]);
  });

  test('tells what others wrote, in the order of all', async (t) => {
    const [one, two] = [await etcd.open(t, { prefix: '/two/' }), await etcd.open(t, { prefix: '/two/' })];
    const from = await one.revision();
    const seen = [collect(one, '', from, 60), collect(two, '', from, 60)];
    await Promise.all(Array.from({ length: 60 }, (_, i) => put(i % 2 === 0 ? one : two, `k${i}`, String(i))));
    const [first, second] = await Promise.all(seen);
    assert.deepEqual(first, second);
  });
});
