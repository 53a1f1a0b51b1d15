/** What a store promises those who watch, and how it ends. */
import assert from 'node:assert/strict';
import { StoreClosedError } from '../errors.ts';
import { CompactedError, type Revision } from '../store.ts';
import { type Check, type Collected, collect, del, put, value } from './tools.ts';

/** Registers the tests; `share` as in {@link ContractOptions}. */
export function watches(check: Check, share: number): void {
  check('tells what was and then what comes, once each and in order', async (store) => {
    await put(store, 'a', '1');
    await put(store, 'a', '2');
    const seen = collect(store, '', 1, 4);
    await del(store, 'a');
    await store.txn([], [value('b', '4'), value('c', '4')]);
    assert.deepEqual(await seen, ['put a=2@1-2 was 1', 'delete a@3 was 2', 'put b=4@4-4', 'put c=4@4-4']);
  });

  check('tells only of keys under the prefix', async (store) => {
    const seen = collect(store, 'a/', 0, 2);
    await put(store, 'a', '1');
    await put(store, 'a/1', '2');
    await put(store, 'a0', '3');
    await put(store, 'a/2', '4');
    assert.deepEqual(await seen, ['put a/1=2@2-2', 'put a/2=4@4-4']);
  });

  check('starts after a revision that is yet to come', async (store) => {
    const seen = collect(store, '', 2, 1);
    await put(store, 'a', '1');
    await put(store, 'b', '2');
    await put(store, 'c', '3');
    assert.deepEqual(await seen, ['put c=3@3-3']);
  });

  check('keeps the changes of one revision in one batch and names how far it has told', async (store) => {
    for (let i = 0; i < 20; i++) {
      const operations = Array.from({ length: 100 }, (_, k) => value(`${i}/${k}`, ''));
      await store.txn([], operations);
    }
    let position = 0;
    let count = 0;
    for await (const { events, revision } of store.watch('', 0, AbortSignal.timeout(60_000))) {
      assert.ok(revision > position);
      assert.equal(events.length, (revision - position) * 100);
      position = revision;
      count += events.length;
      if (count === 2000) break;
    }
    assert.equal(position, 20);
  });

  check('has neither gap nor repeat where history meets what happens now', async (store) => {
    const watchers: Promise<Collected>[] = [];
    const writes: Promise<Revision>[] = [];
    for (let i = 1; i <= 200; i++) {
      const write = put(store, 'n', String(i));
      writes.push(write);
      if (i % 10 === 0) watchers.push(collect(store, 'n', i - 10, 200 - (i - 10)));
      if (i % 3 === 0) await write;
    }
    const told = await Promise.all(watchers);
    const written = inOrder(await Promise.all(writes)).map((write) => String(write + 1));
    for (const [i, events] of told.entries()) {
      const expected = written.slice(i * 10);
      assert.deepEqual(
        events.map((event) => /=(\d+)/.exec(event)?.[1]),
        expected,
      );
    }
  });

  check('tells history that is longer than what is kept at hand', async (store) => {
    const count = 5000 * share;
    const writes = Array.from({ length: count }, (_, i) => put(store, `k${i % 7}/${i}`, String(i)));
    const order = inOrder(await Promise.all(writes));
    const expected = order.map((i, k) => `put k${i % 7}/${i}=${i}@${k + 1}-${k + 1}`);
    assert.deepEqual(await collect(store, '', 0, count), expected);
    const some = expected.filter((_, k) => (order[k] ?? 0) % 7 === 3);
    assert.deepEqual(await collect(store, 'k3/', 0, some.length), some);
  });

  check('ends when its signal is aborted, while waiting and before it began', async (store) => {
    const controller = new AbortController();
    const waiting = Array.fromAsync(store.watch('', 0, controller.signal));
    await put(store, 'a', '1');
    controller.abort();
    assert.ok((await waiting).length <= 1);
    assert.deepEqual(await Array.fromAsync(store.watch('', 0, controller.signal)), []);
  });

  check('ends every watch when it closes, and refuses everything afterwards', async (store) => {
    const signal = new AbortController().signal;
    const watching = Array.fromAsync(store.watch('', 0, signal));
    await store.close();
    assert.deepEqual(await watching, []);
    await assert.rejects(store.get('a'), StoreClosedError);
    await assert.rejects(store.txn([], []), StoreClosedError);
    await store.close();
  });

  check('answers the writes that were under way when it closes', async (store) => {
    const write = put(store, 'a', '1');
    await store.close();
    assert.equal(await write, 1);
  });

  check('refuses a watch of compacted history', async (store) => {
    for (let i = 1; i <= 5; i++) await put(store, 'a', String(i));
    await store.compact(3);
    await assert.rejects(collect(store, '', 2, 1), new CompactedError(2, 3));
    assert.deepEqual(await collect(store, '', 3, 2), ['put a=4@1-4 was 3', 'put a=5@1-5 was 4']);
  });

  check('tells a watcher that fell behind compaction so, and lets those who wait idly be', async (store) => {
    const slow = store.watch('', 0, AbortSignal.timeout(60_000))[Symbol.asyncIterator]();
    const idle = collect(store, 'quiet', 0, 1);
    await put(store, 'a', '1');
    assert.equal((await slow.next()).done, false);
    for (let i = 2; i <= 9; i++) await put(store, 'a', String(i));
    await store.compact(9);
    await assert.rejects(slow.next(), new CompactedError(1, 9));
    await put(store, 'quiet', 'x');
    assert.deepEqual(await idle, ['put quiet=x@10-10']);
  });
}

/** The indexes of writes that were made at once, in the order of their revisions: a store may make them in any. */
function inOrder(revisions: readonly Revision[]): number[] {
  return [...revisions.keys()].sort((a, b) => (revisions[a] ?? 0) - (revisions[b] ?? 0));
}
