import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { openMemoryStore } from '../memory/memory-store.ts';
import { snapshotOf } from '../transfer/snapshot.ts';
import { BackupError, decodeLine } from './format.ts';
import { openBackup } from './read.ts';
import { writeBackup } from './write.ts';

const header = { id: 'one', time: '2030-01-01T00:00:00Z', by: 'a test' };
const quiet = () => {};

/** A backup of 600 entries and a file. */
async function written(t: TestContext) {
  const store = openMemoryStore();
  const values = ['{"a":"ä\\n"}', 'not JSON\n"', Buffer.from([0, 255, 254, 10])];
  for (let i = 0; i < 600; i++) {
    const key = `/registry/${String(i).padStart(4, '0')}`;
    await store.txn([], [{ kind: 'put', key, value: Buffer.from(values[i % 3] ?? '') }]);
  }
  const files = [{ path: 'pki/ca.pem', bytes: Buffer.from('-----BEGIN…') }];
  const path = join(tempDir(t), 'backup');
  const snapshot = await snapshotOf(store);
  const trailer = await writeBackup({ snapshot, files, header }, createWriteStream(path), quiet);
  const lines = gunzipSync(await readFile(path))
    .toString()
    .trimEnd()
    .split('\n');
  return { store, path, trailer, lines };
}

test('has every entry byte for byte, with its revisions, and the files', async (t) => {
  const { store, path, trailer } = await written(t);
  const backup = await openBackup(path, quiet);
  assert.deepEqual(backup.header, { ...header, revision: 600 });
  assert.deepEqual([backup.trailer, trailer.entries, trailer.files], [trailer, 600, 1]);
  assert.deepEqual(
    backup.files.map(({ path, bytes }) => `${path} ${Buffer.from(bytes)}`),
    ['pki/ca.pem -----BEGIN…'],
  );
  for (const _ of [1, 2]) {
    const entries = [];
    for await (const page of backup.pages()) entries.push(...page);
    const { entries: stored } = await store.list('');
    assert.equal(entries.length, stored.length);
    for (const [i, entry] of entries.entries()) {
      assert.deepEqual(
        { ...entry, value: Buffer.from(entry.value) },
        { ...stored[i], value: Buffer.from(stored[i]?.value ?? []) },
      );
    }
  }
});

describe('a backup is refused, with the line and what is wrong, when', () => {
  const changes: readonly [string, (lines: readonly string[]) => readonly string[], RegExp][] = [
    ['its end is missing', (lines) => lines.slice(0, -1), /not whole: its last line/],
    ['an entry is missing', (lines) => lines.toSpliced(9, 1), /line 602: .*it was changed/],
    ['a byte differs', (lines) => lines.with(2, (lines[2] ?? '').replace('ä', 'b')), /it was changed/],
    [
      'entries are in another order',
      (lines) => [...lines.slice(0, 3), lines[4] ?? '', lines[3] ?? ''],
      /does not come after/,
    ],
    ['something follows', (lines) => [...lines, lines[3] ?? ''], /line 604: something follows the last line/],
    [
      'it is of a version to come',
      (lines) => lines.with(0, (lines[0] ?? '').replace('"version":1', '"version":2')),
      /line 1: a backup of version 2/,
    ],
    ['it is something else', () => ['{"format":"tar"}'], /not a backup of Postern, but "tar"/],
    ['it does not begin with its header', (lines) => lines.slice(1), /does not begin as a backup does/],
    ['it is empty', () => [], /not whole/],
  ];
  for (const [title, change, message] of changes) {
    test(title, async (t) => {
      const { path, lines } = await written(t);
      await writeFile(
        path,
        gzipSync(
          change(lines)
            .map((line) => `${line}\n`)
            .join(''),
        ),
      );
      await assert.rejects(
        openBackup(path, quiet),
        (error) => error instanceof BackupError && message.test(error.message),
      );
    });
  }

  test('it is cut off, or no gzip', async (t) => {
    const { path } = await written(t);
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 100));
    await assert.rejects(openBackup(path, quiet), BackupError);
    await writeFile(path, 'hello');
    await assert.rejects(openBackup(path, quiet), /line 1: not a backup/);
    await assert.rejects(openBackup(`${path}-none`, quiet), /ENOENT/);
  });
});

test('files of a backup are in the folder of certificates, whatever they say', () => {
  for (const path of ['../x', '/etc/passwd', 'pki/../../x', 'pki/', 'pki/.x/y', 'store/data.mdb']) {
    assert.throws(() => decodeLine(JSON.stringify({ file: path, text: '' })), BackupError, path);
  }
  assert.equal(decodeLine('{"file":"pki/ca.pem","text":""}').kind, 'file');
});
