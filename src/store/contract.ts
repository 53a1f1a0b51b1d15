/**
 * What every store promises, as tests: `storeContract('memory', open)` in a test file runs them against one
 * implementation. A store that passes can stand in for any other.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { propertyTest } from './contract-property.ts';
import { type Collected, collect, del, entryText, put, texts, value } from './contract-tools.ts';
import { FutureRevisionError, StoreClosedError, StoreInputError, StoreLimitError } from './errors.ts';
import { KEY_LIMIT, OPERATIONS_LIMIT, VALUE_LIMIT } from './limits.ts';
import { CompactedError, type Store } from './store.ts';

/** Opens an empty store; whatever must be cleaned up is registered with the test. The suite closes the store. */
export type OpenStore = (t: TestContext) => Promise<Store>;

export interface ContractOptions {
  /** Why the suite cannot run here. */
  readonly skip?: string | false;
  /** For stores that outlive their process: opens again what the given store, closed by now, had. */
  readonly reopen?: (store: Store, t: TestContext) => Promise<Store>;
}

/** Registers the suite for one implementation. */
export function storeContract(name: string, open: OpenStore, options: ContractOptions = {}): void {
  const { skip = false, reopen } = options;
  /** A test with a store of its own. */
  const check = (title: string, body: (store: Store, t: TestContext) => Promise<void>) =>
    test(title, async (t) => {
      const store = await open(t);
      t.after(() => store.close());
      await body(store, t);
    });

  describe(`the ${name} store`, { skip }, () => {
    describe('writes', () => writes(check));
    describe('lists', () => lists(check));
    describe('history', () => history(check));
    describe('watches', () => watches(check));
    describe('limits', () => limits(check));
    describe('property', () => propertyTest(open, reopen));
    if (reopen !== undefined) {
      check('keeps everything, history included, when it is closed and opened again', async (store, t) => {
        await put(store, 'a', '1');
        await put(store, 'a', '2');
        await put(store, 'b', '3');
        await del(store, 'b');
        await store.close();
        const again = await reopen(store, t);
        t.after(() => again.close());
        assert.equal(await again.revision(), 4);
        assert.equal(entryText(await again.get('a')), 'a=2@1-2');
        assert.equal(entryText(await again.get('b', 3)), 'b=3@3-3');
        assert.deepEqual(await collect(again, '', 1, 3), ['put a=2@1-2 was 1', 'put b=3@3-3', 'delete b@4 was 3']);
        assert.equal(await put(again, 'c', '5'), 5);
      });
    }
  });
}

type Check = (title: string, body: (store: Store, t: TestContext) => Promise<void>) => unknown;

function writes(check: Check): void {
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

function lists(check: Check): void {
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
    const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`);
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

function history(check: Check): void {
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
    for (let i = 0; i < 30; i++) {
      await Promise.all(Array.from({ length: 100 }, (_, k) => put(store, `k${k}`, `${i}`)));
    }
    const compaction = store.compact(2950);
    const writing = Promise.all(Array.from({ length: 20 }, (_, k) => put(store, `k${k}`, 'new')));
    const before = await store.list('', { revision: 3000 });
    await Promise.all([compaction, writing]);
    assert.equal(before.entries.length, 100);
    assert.equal((await store.list('', { revision: 2950 })).entries.length, 100);
    assert.deepEqual(await store.list('', { revision: 3000 }), before);
    assert.equal((await collect(store, '', 2950, 70)).length, 70);
  });
}

function watches(check: Check): void {
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
    for (let i = 1; i <= 200; i++) {
      const write = put(store, 'n', String(i));
      if (i % 10 === 0) watchers.push(collect(store, 'n', i - 10, 200 - (i - 10)));
      if (i % 3 === 0) await write;
    }
    const told = await Promise.all(watchers);
    for (const [i, events] of told.entries()) {
      const expected = Array.from({ length: 200 - i * 10 }, (_, k) => String(i * 10 + k + 1));
      assert.deepEqual(
        events.map((event) => /=(\d+)/.exec(event)?.[1]),
        expected,
      );
    }
  });

  check('tells history that is longer than what is kept at hand', async (store) => {
    const expected = Array.from({ length: 5000 }, (_, i) => `put k${i % 7}/${i}=${i}@${i + 1}-${i + 1}`);
    await Promise.all(expected.map((_, i) => put(store, `k${i % 7}/${i}`, String(i))));
    assert.deepEqual(await collect(store, '', 0, 5000), expected);
    const some = expected.filter((_, i) => i % 7 === 3);
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

function limits(check: Check): void {
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
