/** How the store gets on with the machine: modes, the lock, privileges, a full disk. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { put } from '../contract/tools.ts';
import { StoreFailedError, StoreLockedError } from '../errors.ts';
import { checkStore } from './check.ts';
import { openLmdbStore } from './lmdb-store.ts';

const fixture = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

test('keeps its directory and its files to itself, whatever the umask', async (t) => {
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const dir = join(tempDir(t), 'a', 'store');
  await (await openLmdbStore({ dir })).close();
  const modes = readdirSync(dir).map((name) => [name, statSync(join(dir, name)).mode & 0o777]);
  assert.deepEqual(Object.fromEntries(modes), { LOCK: 0o600, 'data.mdb': 0o600, 'lock.mdb': 0o600 });
  assert.equal(statSync(dir).mode & 0o777, 0o700);
});

test('refuses to open a store twice in one process, and opens it once it is closed', async (t) => {
  const dir = tempDir(t);
  const store = await openLmdbStore({ dir });
  await assert.rejects(openLmdbStore({ dir }), new StoreLockedError(dir, process.pid));
  await assert.rejects(checkStore(dir), StoreLockedError);
  await put(store, 'a', '1');
  await store.close();
  const again = await openLmdbStore({ dir });
  assert.equal(await again.revision(), 1);
  await again.close();
});

test('names the process that has the store open, and takes over when that is killed', async (t) => {
  const dir = tempDir(t);
  const child = spawn(process.execPath, [fixture('crash.fixture.ts'), dir, '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  await assert.rejects(openLmdbStore({ dir }), {
    message: new RegExp(`is open in process ${child.pid}; stop it first`),
  });
  const ended = once(child, 'close');
  child.stdout.resume();
  child.kill('SIGKILL');
  await ended;
  await (await openLmdbStore({ dir })).close();
});

test('maps its data once, however much it grows', async (t) => {
  const dir = tempDir(t);
  const store = await openLmdbStore({ dir });
  t.after(() => store.close());
  for (let i = 0; i < 4; i++) await put(store, `big-${i}`, 'x'.repeat(1024 * 1024));
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  assert.equal(maps.filter((line) => line.endsWith(join(dir, 'data.mdb'))).length, 1);
});

test('gives the pages that it has read back to the machine, and reads them again', async (t) => {
  const dir = tempDir(t);
  const store = await openLmdbStore({ dir });
  t.after(() => store.close());
  for (let i = 0; i < 8; i++) await put(store, `big-${i}`, 'x'.repeat(1024 * 1024));
  const { entries } = await store.list('big-');
  assert.ok(residentOf(dir) > 7 * 1024, `${residentOf(dir)} kB are resident`);
  store.relax();
  assert.ok(residentOf(dir) < 1024, `${residentOf(dir)} kB are resident`);
  assert.deepEqual((await store.list('big-')).entries, entries);
  assert.equal(await put(store, 'after', '1'), 9);
  await store.close();
  store.relax();
});

/** Kilobytes of the data file that this process has mapped and touched: proc_pid_smaps(5). */
function residentOf(dir: string): number {
  const [, mapping = ''] = readFileSync('/proc/self/smaps', 'utf8').split(join(dir, 'data.mdb'));
  return Number(/^Rss:\s*(\d+) kB/m.exec(mapping)?.[1]);
}

test('leaves no open file to the programs that are started meanwhile', async (t) => {
  const dir = tempDir(t);
  const store = await openLmdbStore({ dir });
  t.after(() => store.close());
  assert.doesNotMatch(execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }), /postern-files/);
});

test('says which directory it cannot open and why', async (t) => {
  const file = join(tempDir(t), 'file');
  await (await openLmdbStore({ dir: file })).close();
  const dir = join(file, 'data.mdb', 'below');
  await assert.rejects(openLmdbStore({ dir }), (error) => {
    assert.ok(error instanceof StoreFailedError);
    assert.match(error.message, /open the store in .*below: ENOTDIR/);
    return true;
  });
});

const notRoot = process.getuid?.() === 0 ? false : 'only root can give up being root';

test('goes on as an ordinary user after it was opened by root', { skip: notRoot }, async (t) => {
  const dir = join(tempDir(t), 'store');
  const output = execFileSync(process.execPath, [fixture('drop-root.fixture.ts'), dir], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(output), { uid: 65534, entries: 40, sound: true });
  assert.deepEqual((await checkStore(dir)).problems, []);
});

test('refuses a write that the disk has no room for, and keeps what it answered', async (t) => {
  const dir = join(tempDir(t), 'store');
  // 4096 blocks of 512 bytes (POSIX) or of 1024 (bash): 2 or 4 MiB for any file.
  const limited = ['-c', 'ulimit -f 4096; exec "$@"', 'sh', process.execPath, fixture('full-disk.fixture.ts'), dir];
  const output = execFileSync('sh', limited, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const { answered, failed, listed, revision } = JSON.parse(output);
  // Part of the write was made: LMDB cannot tell a limit of the process from a disk that fails.
  assert.deepEqual(failed, { name: 'StoreFailedError', message: 'commit to the store: Input/output error' });
  assert.ok(answered > 10);
  assert.deepEqual([listed, revision], [answered, answered]);
  const report = await checkStore(dir);
  assert.deepEqual(report.problems, []);
  assert.equal(report.revision, answered);
});

test('keeps values that were read as they were, whatever becomes of their place on disk', async (t) => {
  const store = await openLmdbStore({ dir: tempDir(t) });
  t.after(() => store.close());
  const write = (byte: number) =>
    store.txn([], [{ kind: 'put', key: 'a', value: new Uint8Array(1_000_000).fill(byte) }]);
  await write(1);
  const read = [await store.get('a'), (await store.list('')).entries[0]];
  for (let i = 2; i < 12; i++) {
    await write(i);
    await store.compact(i);
  }
  for (const entry of read) assert.ok(entry?.value.length === 1_000_000 && entry.value.every((byte) => byte === 1));
});
