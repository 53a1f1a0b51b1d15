/** What every store refuses. */
import assert from 'node:assert/strict';
import { StoreInputError, StoreLimitError } from '../errors.ts';
import { KEY_LIMIT, OPERATIONS_LIMIT, VALUE_LIMIT } from '../limits.ts';
import { type Check, entryText, put, value } from './tools.ts';

/** Registers the tests. */
export function limits(check: Check): void {
  check('takes values up to 1.5 MiB and refuses larger ones', async (store) => {
    const large = new Uint8Array(VALUE_LIMIT).fill(7);
    await store.txn([], [{ kind: 'put', key: 'large', value: large }]);
    assert.deepEqual((await store.get('large'))?.value, large);
    const larger = new Uint8Array(VALUE_LIMIT + 1);
    await assert.rejects(store.txn([], [{ kind: 'put', key: 'b', value: larger }]), StoreLimitError);
    assert.equal(await store.revision(), 1);
  });

  check('takes keys up to 1024 bytes and refuses longer ones', async (store) => {
    const key = 'é'.repeat(KEY_LIMIT / 2);
    await put(store, key, '1');
    await put(store, key, '2');
    assert.equal(entryText(await store.get(key, 1)), `${key}=1@1-1`);
    await assert.rejects(put(store, `${key}x`, ''), StoreLimitError);
  });

  check('takes up to 1024 operations at once', async (store) => {
    const operations = Array.from({ length: OPERATIONS_LIMIT + 1 }, (_, i) => value(`k${i}`, ''));
    await assert.rejects(store.txn([], operations), StoreLimitError);
    await store.txn([], operations.slice(1));
    assert.equal((await store.list('')).entries.length, OPERATIONS_LIMIT);
  });

  for (const [what, key] of Object.entries({
    empty: '',
    'with NUL': 'a\0b',
    'with half a surrogate pair': 'a\ud800',
  })) {
    check(`refuses a key that is ${what}`, async (store) => {
      await assert.rejects(put(store, key, ''), StoreInputError);
      await assert.rejects(store.get(key), StoreInputError);
    });
  }

  check('refuses a transaction that writes a key twice', async (store) => {
    await assert.rejects(store.txn([], [value('a', '1'), { kind: 'delete', key: 'a' }]), StoreInputError);
  });

  check('refuses revisions and limits that are none', async (store) => {
    await assert.rejects(store.get('a', -1), StoreInputError);
    await assert.rejects(store.get('a', Number.NaN), StoreInputError);
    await assert.rejects(store.list('', { limit: 0 }), StoreInputError);
    assert.throws(() => store.watch('', 0.5, new AbortController().signal), StoreInputError);
  });
}
