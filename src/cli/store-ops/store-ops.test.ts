import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { put } from '../../store/contract/tools.ts';
import { openLmdbStore } from '../../store/lmdb/lmdb-store.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { UserError } from '../errors.ts';
import { backUp } from './backup.ts';
import { watchQuiet } from './quiet.ts';
import { restore } from './restore.ts';

const tell = (): void => {};
const at = (dataDir: string) => ({ plan: { kind: 'lmdb' } as const, dataDir });
const never = new AbortController().signal;

/** A data directory with a store of one key, and two files of certificates. */
async function server(t: TestContext): Promise<string> {
  const dir = tempDir(t);
  const store = await openLmdbStore({ dir: join(dir, 'store') });
  await put(store, '/registry/a', '1');
  await store.close();
  await mkdir(join(dir, 'pki'), { mode: 0o700 });
  for (const name of ['ca.pem', 'server.pem', 'server.pem.12ab'])
    await writeFile(join(dir, 'pki', name), `this is ${name}`);
  return dir;
}

test('a backup has the certificates that are whole, and they come back for their owner alone', async (t) => {
  const [from, to] = [await server(t), join(tempDir(t), 'data')];
  const file = join(from, 'x.backup');
  const { files } = await backUp({ from: at(from), file, now: 0, tell }, never);
  assert.equal(files, 2);
  const report = await restore({ file, to: at(to), tell });
  assert.deepEqual([report.files, report.backupTime], [2, '1970-01-01T00:00:00.000Z']);
  assert.deepEqual(await readdir(join(to, 'pki')), ['ca.pem', 'server.pem']);
  assert.equal(await readFile(join(to, 'pki', 'ca.pem'), 'utf8'), 'this is ca.pem');
  assert.equal((await stat(join(to, 'pki', 'ca.pem'))).mode & 0o777, 0o600);
  assert.equal((await stat(join(to, 'pki'))).mode & 0o777, 0o700);
});

test('a restore that was cut short after the certificates goes on, and one among other certificates does not', async (t) => {
  const from = await server(t);
  const file = join(from, 'x.backup');
  await backUp({ from: at(from), file, now: 0, tell }, never);
  const begun = tempDir(t);
  await mkdir(join(begun, 'pki'));
  await writeFile(join(begun, 'pki', 'ca.pem'), 'this is ca.pem');
  assert.equal((await restore({ file, to: at(begun), tell })).entries, 1);

  const other = tempDir(t);
  await mkdir(join(other, 'pki'));
  await writeFile(join(other, 'pki', 'server.pem'), 'that of another');
  await assert.rejects(
    restore({ file, to: at(other), tell }),
    /server.pem is there, and is another than that of the backup/,
  );
  assert.deepEqual([await readdir(other), await readdir(join(other, 'pki'))], [['pki'], ['server.pem']]);
});

test('a backup that is broken off leaves nothing behind', async (t) => {
  const from = await server(t);
  const place = tempDir(t);
  const file = join(place, 'x.backup');
  await assert.rejects(backUp({ from: at(from), file, now: 0, tell }, AbortSignal.abort()), { name: 'AbortError' });
  assert.deepEqual(await readdir(place), []);
  await assert.rejects(backUp({ from: at(place), file, now: 0, tell }, never), UserError);
  assert.deepEqual(await readdir(place), []);
});

test('whoever writes to a store that is to be left alone is named', async (t) => {
  const store = openMemoryStore();
  t.after(() => store.close());
  const from = await put(store, '/registry/a', '1');
  const ending = new AbortController();
  t.after(() => ending.abort());
  const quiet = watchQuiet(store, from, ending.signal, 20);
  await quiet.settle();
  quiet.check();
  const settling = watchQuiet(store, from, ending.signal, 20_000).settle();
  await put(store, '/registry/leases/kube-system/postern-controllers', '2');
  await assert.rejects(
    settling,
    /somebody writes to the store .*: \/registry\/leases\/kube-system\/postern-controllers/,
  );
  assert.throws(() => quiet.check(), UserError);
});

test('a backup that is not there, is a directory or is cut off says so, and what to do, and nothing is written', async (t) => {
  const from = await server(t);
  const [file, cut, to] = [join(from, 'x.backup'), join(from, 'cut.backup'), join(tempDir(t), 'data')];
  await backUp({ from: at(from), file, now: 0, tell }, never);
  const whole = await readFile(file);
  await writeFile(cut, whole.subarray(0, whole.length / 2));
  const told = (path: string, message: RegExp, remedy: RegExp) =>
    assert.rejects(restore({ file: path, to: at(to), tell }), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      assert.match(error.remedy ?? '', remedy);
      return true;
    });
  await told(join(from, 'none'), /^there is no file \/.*\/none$/, /the file that postern backup wrote/);
  await told(from, /is a directory, and a file is needed/, /the file that postern backup wrote/);
  await told(cut, /cut\.backup.* cut off: .*Nothing was written$/, /Copy the file once more/);
  await assert.rejects(stat(to), { code: 'ENOENT' });
});
