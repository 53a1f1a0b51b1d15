/** What a store promises of transactions. */
import assert from 'node:assert/strict';
import { type Check, del, entryText, put, texts, value } from './tools.ts';

/** Registers the tests. */
export function writes(check: Check): void {
  check('begins at revision 0 with nothing', async (store) => {
    assert.equal(await store.revision(), 0);
    assert.equal(await store.get('a'), undefined);
    assert.deepEqual(await store.list(''), { entries: [], revision: 0, remaining: 0 });
  });

  check('gives every write the next revision and remembers when a key came into being', async (store) => {
    assert.equal(await put(store, 'a', '1'), 1);
    assert.equal(await put(store, 'b', '2'), 2);
    assert.equal(await put(store, 'a', '3'), 3);
    assert.equal(entryText(await store.get('a')), 'a=3@1-3');
    assert.equal(await del(store, 'a'), 4);
    assert.equal(await store.get('a'), undefined);
    assert.equal(await put(store, 'a', '5'), 5);
    assert.equal(entryText(await store.get('a')), 'a=5@5-5');
    assert.equal(await store.revision(), 5);
  });

  check('gives all operations of a transaction one revision', async (store) => {
    await put(store, 'old', 'x');
    const result = await store.txn([], [value('a', '1'), value('b', '2'), { kind: 'delete', key: 'old' }]);
    assert.deepEqual(result, { ok: true, revision: 2 });
    assert.deepEqual(texts(await store.list('')), ['a=1@2-2', 'b=2@2-2']);
  });

  check(
    'writes nothing when a compare fails, and answers what is there in the order of the compares',
    async (store) => {
      await put(store, 'a', '1');
      const result = await store.txn(
        [
          { key: 'none', modified: 0 },
          { key: 'a', modified: 7 },
        ],
        [value('a', '2'), value('b', '2')],
      );
      assert.equal(result.ok, false);
      assert.deepEqual(result.ok ? [] : result.current.map(entryText), [undefined, 'a=1@1-1']);
      assert.deepEqual(texts(await store.list('')), ['a=1@1-1']);
      assert.equal(await store.revision(), 1);
    },
  );

  check('creates only where nothing is when the compare says 0', async (store) => {
    const create = () => store.txn([{ key: 'a', modified: 0 }], [value('a', 'mine')]);
    assert.deepEqual([(await create()).ok, (await create()).ok], [true, false]);
    await del(store, 'a');
    assert.equal((await create()).ok, true);
  });

  check('takes no revision for deleting what does not exist, nor for an empty transaction', async (store) => {
    await put(store, 'a', '1');
    assert.deepEqual(await store.txn([], [{ kind: 'delete', key: 'b' }]), { ok: true, revision: 1 });
    assert.deepEqual(await store.txn([{ key: 'a', modified: 1 }], []), { ok: true, revision: 1 });
    assert.equal(await store.revision(), 1);
  });

  check('lets exactly one of those who write at once win each revision of a key', async (store) => {
    const increment = async (): Promise<void> => {
      for (;;) {
        const entry = await store.get('n');
        const next = Number(Buffer.from(entry?.value ?? []).toString()) + 1;
        const result = await store.txn([{ key: 'n', modified: entry?.modified ?? 0 }], [value('n', String(next))]);
        if (result.ok) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    assert.equal(entryText(await store.get('n')), 'n=20@1-20');
  });

  check('gives writers at once revisions of their own, without a hole', async (store) => {
    const revisions = await Promise.all(Array.from({ length: 100 }, (_, i) => put(store, `k${i}`, `${i}`)));
    assert.deepEqual(
      revisions.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
  });

  check('shows a write to whoever reads after the answer', async (store) => {
    for (let i = 1; i <= 30; i++) {
      await put(store, 'a', String(i));
      assert.equal(entryText(await store.get('a')), `a=${i}@1-${i}`);
      assert.equal((await store.list('a')).revision, i);
    }
  });

  check('keeps values byte by byte, empty ones too, whatever the caller does with its buffer', async (store) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const write = store.txn([], [{ kind: 'put', key: 'all', value: bytes }]);
    bytes.fill(0);
    await write;
    await put(store, 'empty', '');
    assert.deepEqual(
      (await store.get('all'))?.value,
      Uint8Array.from({ length: 256 }, (_, i) => i),
    );
    assert.deepEqual((await store.get('empty'))?.value, new Uint8Array(0));
  });
}
