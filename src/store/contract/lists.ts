/** What a store promises of lists: order, prefixes, pages. */
import assert from 'node:assert/strict';
import { type Check, del, put, texts, value } from './tools.ts';

/** Registers the tests; `share` as in {@link ContractOptions}. */
export function lists(check: Check, share: number): void {
  check('orders keys by their UTF-8 bytes', async (store) => {
    const keys = ['\u{10000}', '\uffee', '\ud7ff', 'é', 'b', 'a/', 'a', 'Z', 'a0', '\u{10ffff}'];
    for (const key of keys) await put(store, key, '');
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(
      (await store.list('')).entries.map(({ key }) => key),
      sorted,
    );
  });

  check('gives what begins with the prefix and none of its neighbours', async (store) => {
    const keys = ['a', 'a.', 'a/', 'a/1', 'a/2', 'a/\u{10ffff}', 'a0', 'ab', 'é', 'éa', 'ê'];
    for (const key of keys) await put(store, key, '');
    const under = async (prefix: string) => (await store.list(prefix)).entries.map(({ key }) => key);
    assert.deepEqual(await under('a/'), ['a/', 'a/1', 'a/2', 'a/\u{10ffff}']);
    assert.deepEqual(await under('é'), ['é', 'éa']);
    assert.deepEqual(await under('a/\u{10ffff}'), ['a/\u{10ffff}']);
    assert.deepEqual(await under('b'), []);
  });

  check('pages through a prefix, counting what is left', async (store) => {
    for (const key of ['a/3', 'a/1', 'b/1', 'a/2', 'a/5', 'a/4']) await put(store, key, '');
    const page = async (after?: string) => {
      const { entries, remaining } = await store.list('a/', { limit: 2, ...(after !== undefined && { after }) });
      return [...entries.map(({ key }) => key), remaining];
    };
    assert.deepEqual(await page(), ['a/1', 'a/2', 3]);
    assert.deepEqual(await page('a/2'), ['a/3', 'a/4', 1]);
    assert.deepEqual(await page('a/4'), ['a/5', 0]);
    assert.deepEqual(await page('a/5'), [0]);
    assert.deepEqual(await page('a/44'), ['a/5', 0]);
    assert.deepEqual(await page('A'), ['a/1', 'a/2', 3]);
    assert.deepEqual(await page('b'), [0]);
  });

  check('pages through the state of one revision while the store moves on', async (store) => {
    for (const key of ['a', 'b', 'c', 'd']) await put(store, key, 'old');
    const first = await store.list('', { limit: 2 });
    await store.txn([], [value('a0', 'new'), value('c', 'new'), value('e', 'new'), { kind: 'delete', key: 'd' }]);
    const rest = await store.list('', { limit: 1, after: 'b', revision: first.revision });
    assert.deepEqual([...texts(first), ...texts(rest)], ['a=old@1-1', 'b=old@2-2', 'c=old@3-3']);
    assert.deepEqual([first.remaining, rest.remaining, rest.revision], [2, 1, 4]);
  });

  check('gives pages of any size, now and in the past', async (store) => {
    const keys = Array.from({ length: 2500 }, (_, i) => `k${String(i).padStart(4, '0')}`);
    for (let i = 0; i < keys.length; i += 500) {
      await store.txn(
        [],
        keys.slice(i, i + 500).map((key) => value(key, '')),
      );
    }
    const then = await store.revision();
    for (const change of [undefined, 'now all is in the past']) {
      if (change !== undefined) await del(store, 'k0001');
      for (const limit of [999, 1000, 1001, 2000, 2499, 2500, 2501]) {
        const result = await store.list('k', { limit, revision: then });
        const expected = keys.slice(0, limit);
        assert.deepEqual(
          result.entries.map(({ key }) => key),
          expected,
        );
        assert.equal(result.remaining, 2500 - expected.length);
      }
    }
  });

  check('shows one state of the store even when a list is long and writers are busy', async (store) => {
    const keys = Array.from({ length: 1000 * share }, (_, i) => `k${i}`);
    const write = (text: string) =>
      store.txn(
        [],
        keys.map((key) => value(key, text.padEnd(3000, '.'))),
      );
    await write('1');
    const reads: Promise<void>[] = [];
    for (let i = 2; i <= 6; i++) {
      const list = store.list('');
      await Promise.all([write(String(i)), list]);
      reads.push(list.then(({ entries }) => assert.equal(new Set(entries.map(({ modified }) => modified)).size, 1)));
    }
    await Promise.all(reads);
  });
}
