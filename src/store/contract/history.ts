/** What a store promises of revisions in the past, and of forgetting them. */
import assert from 'node:assert/strict';
import { FutureRevisionError } from '../errors.ts';
import { CompactedError } from '../store.ts';
import { type Check, collect, del, entryText, put, texts } from './tools.ts';

/** Registers the tests; `share` as in {@link ContractOptions}. */
export function history(check: Check, share: number): void {
  check('reads keys and lists as of any revision', async (store) => {
    await put(store, 'a', '1');
    await put(store, 'a', '2');
    await put(store, 'b', '3');
    await del(store, 'a');
    await put(store, 'a', '5');
    const states = [];
    for (let revision = 0; revision <= 5; revision++) {
      const result = await store.list('', { revision });
      assert.equal(result.revision, revision);
      assert.equal(
        entryText(await store.get('a', revision)),
        texts(result).find((text) => text.startsWith('a=')),
      );
      states.push(texts(result).join(' '));
    }
    assert.deepEqual(states, ['', 'a=1@1-1', 'a=2@1-2', 'a=2@1-2 b=3@3-3', 'b=3@3-3', 'a=5@5-5 b=3@3-3']);
  });

  check('does not take a key for another that begins with it', async (store) => {
    await put(store, 'a', '1');
    await put(store, 'aa', '2');
    await put(store, 'a', '3');
    await del(store, 'aa');
    assert.equal(entryText(await store.get('a', 2)), 'a=1@1-1');
    assert.equal(entryText(await store.get('aa', 3)), 'aa=2@2-2');
    assert.equal(await store.get('aa', 1), undefined);
  });

  check('refuses revisions that are yet to come', async (store) => {
    await put(store, 'a', '1');
    await assert.rejects(store.get('a', 2), FutureRevisionError);
    await assert.rejects(store.list('', { revision: 2 }), FutureRevisionError);
    await assert.rejects(store.compact(2), FutureRevisionError);
  });

  check('forgets what was before a compacted revision, and nothing else', async (store) => {
    for (let i = 1; i <= 10; i++) await put(store, i % 2 ? 'odd' : 'even', String(i));
    await del(store, 'odd');
    await put(store, 'last', '12');
    await store.compact(8);
    await assert.rejects(store.get('odd', 7), new CompactedError(7, 8));
    await assert.rejects(store.list('', { revision: 3 }), new CompactedError(3, 8));
    assert.deepEqual(texts(await store.list('', { revision: 8 })), ['even=8@2-8', 'odd=7@1-7']);
    assert.deepEqual(texts(await store.list('', { revision: 10 })), ['even=10@2-10', 'odd=9@1-9']);
    assert.deepEqual(texts(await store.list('')), ['even=10@2-10', 'last=12@12-12']);
    await store.compact(5);
    await assert.rejects(store.get('odd', 7), new CompactedError(7, 8));
    await store.compact(12);
    assert.deepEqual(texts(await store.list('')), ['even=10@2-10', 'last=12@12-12']);
    assert.equal(await put(store, 'odd', '13'), 13);
    assert.equal(entryText(await store.get('odd')), 'odd=13@13-13');
  });

  check('compacts a long history while others read and write', async (store) => {
    const rounds = 30 * share;
    const newest = rounds * 100;
    for (let i = 0; i < rounds; i++) {
      await Promise.all(Array.from({ length: 100 }, (_, k) => put(store, `k${k}`, `${i}`)));
    }
    const compaction = store.compact(newest - 50);
    const writing = Promise.all(Array.from({ length: 20 }, (_, k) => put(store, `k${k}`, 'new')));
    const before = await store.list('', { revision: newest });
    await Promise.all([compaction, writing]);
    assert.equal(before.entries.length, 100);
    assert.equal((await store.list('', { revision: newest - 50 })).entries.length, 100);
    assert.deepEqual(await store.list('', { revision: newest }), before);
    assert.equal((await collect(store, '', newest - 50, 70)).length, 70);
  });
}
