import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { del, put } from '../contract/tools.ts';
import { StoreFailedError } from '../errors.ts';
import { checkStore } from './check.ts';
import { commitBatch, openTables, type Tables } from './database.ts';
import { openLmdbStore } from './lmdb-store.ts';
import { COMPACTED_KEY, REVISION_KEY } from './meta.ts';
import { encodeEntry, encodeKey, encodeLogKey, encodeLogValue, encodePastKey, encodeRevision } from './records.ts';

/** A closed store: `a` written at 1, 2 and 5, `b` written at 3 and deleted at 4. */
async function writtenStore(t: TestContext): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-check-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const store = await openLmdbStore({ dir });
  await put(store, 'a', '1');
  await put(store, 'a', '2');
  await put(store, 'b', '3');
  await del(store, 'b');
  await put(store, 'a', '5');
  await store.close();
  return dir;
}

async function damage(dir: string, how: (tables: Tables) => void): Promise<void> {
  const tables = openTables(dir);
  await commitBatch(tables, () => how(tables));
  await tables.root.close();
}

const entry = (key: string, created: number, modified: number) =>
  encodeEntry({ key, value: new Uint8Array(1), created, modified });

test('finds nothing wrong with a sound store, and counts what it has', async (t) => {
  assert.deepEqual(await checkStore(await writtenStore(t)), {
    revision: 5,
    compacted: 0,
    keys: 1,
    pastEntries: 3,
    logRecords: 5,
    problems: [],
  });
});

const damages: readonly [string, (tables: Tables) => void, RegExp][] = [
  ['a current entry is lost', ({ current }) => current.remove(encodeKey('a')), /what revision 5 wrote is missing: a/],
  ['a past entry is lost', ({ past }) => past.remove(encodePastKey('b', 4)), /what revision 4 deleted is missing: b/],
  ['a log record is lost', ({ log }) => log.remove(encodeLogKey(3, 0)), /gap before change 0 of revision 4/],
  [
    'the end of the log is lost',
    ({ log }) => log.remove(encodeLogKey(5, 0)),
    /the log ends at 4, the newest revision is 5/,
  ],
  [
    'the newest revision is wrong',
    ({ meta }) => meta.put(REVISION_KEY, encodeRevision(4)),
    /modified at 5, though it was so at 4/,
  ],
  ['more is compacted than was written', ({ meta }) => meta.put(COMPACTED_KEY, encodeRevision(9)), /compacted up to 9/],
  [
    'an entry was never written',
    ({ current }) => current.put(encodeKey('c'), entry('c', 2, 2)),
    /c: the log has no put at 2/,
  ],
  [
    'an entry is older than its key',
    ({ current }) => current.put(encodeKey('a'), entry('a', 6, 5)),
    /created at 6, modified at 5/,
  ],
  [
    'two versions overlap',
    ({ past }) => past.put(encodePastKey('a', 5), entry('a', 1, 1)),
    /overlaps the version that ended at 2/,
  ],
  ['an entry is cut short', ({ current }) => current.put(encodeKey('a'), Buffer.from('x')), /at least 16 bytes, not 1/],
  ['a log record is of no kind', ({ log }) => log.put(encodeLogKey(6, 0), Buffer.from('?')), /begins with P or D/],
  [
    'the log goes on',
    ({ log }) => log.put(encodeLogKey(6, 0), encodeLogValue('put', 'a')),
    /after the newest revision 5/,
  ],
];
for (const [what, how, problem] of damages) {
  test(`finds that ${what}`, async (t) => {
    const dir = await writtenStore(t);
    await damage(dir, how);
    const { problems } = await checkStore(dir);
    assert.ok(
      problems.some((text) => problem.test(text)),
      problems.join('\n'),
    );
  });
}

test('takes what an interrupted compaction left for sound, and the next one removes it', async (t) => {
  const dir = await writtenStore(t);
  await damage(dir, ({ meta, log, past }) => {
    meta.put(COMPACTED_KEY, encodeRevision(4));
    log.remove(encodeLogKey(1, 0));
    log.remove(encodeLogKey(2, 0));
    past.remove(encodePastKey('a', 2));
  });
  assert.deepEqual((await checkStore(dir)).problems, []);
  const store = await openLmdbStore({ dir });
  await assert.rejects(store.get('a', 3), /revision 3 has been compacted; the oldest that is kept is 4/);
  await store.compact(5);
  await store.close();
  const report = await checkStore(dir);
  assert.deepEqual([report.pastEntries, report.logRecords, report.problems], [0, 0, []]);
});

test('refuses a layout it does not know', async (t) => {
  const dir = await writtenStore(t);
  await damage(dir, ({ meta }) => meta.put(Buffer.from('layout'), encodeRevision(2)));
  await assert.rejects(checkStore(dir), /has layout 2; this version of Postern knows layout 1/);
  await assert.rejects(openLmdbStore({ dir }), /has layout 2/);
});

test('says so when there is no store to check', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postern-check-'));
  t.after(() => rmSync(dir, { recursive: true }));
  await assert.rejects(checkStore(dir), StoreFailedError);
});
