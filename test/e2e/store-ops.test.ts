/** Whole stores, as an operator handles them: backed up while serving, restored, moved to an etcd and back, and checked. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { silentLogger } from '../../src/host/log.ts';
import { CommandError, type CommandResult, runCommand } from '../../src/host/process.ts';
import { type EtcdFixture, fileScope, skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { openLmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startServer, type TestServer } from './server.ts';

interface Outcome extends CommandResult {
  readonly code: number | undefined;
}

/** Also of what fails. */
async function outcome(argv: readonly string[]): Promise<Outcome> {
  try {
    return { code: 0, ...(await runCommand(argv)) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { code: error.code, stdout: error.stdout, stderr: error.stderr };
  }
}

const postern = (...args: string[]): Promise<Outcome> => outcome([PROGRAM, ...args]);

async function report(...args: string[]) {
  const { code, stdout, stderr } = await postern(...args, '-o', 'json');
  assert.equal(code, 0, stderr + stdout);
  return JSON.parse(stdout);
}

/** Names, uids and data of what users have made. */
async function objects(server: TestServer): Promise<string> {
  const { stdout } = await server.kubectl(['get', 'configmaps,services', '-n', 'default', '-o', 'json']);
  const list = JSON.parse(stdout) as {
    items: { kind: string; metadata: { name: string; uid: string }; data?: object }[];
  };
  return JSON.stringify(list.items.map(({ kind, metadata, data }) => [kind, metadata.name, metadata.uid, data]));
}

async function make(server: TestServer, names: readonly string[]): Promise<void> {
  const items = names.map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { name } }));
  await server.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

describe('the store of a server', () => {
  const scope = fileScope();
  const dir = tempDir(scope);
  const file = join(dir, 'cluster.backup');
  let server: TestServer;
  let saved: string;
  before(async () => {
    server = await startServer();
    await make(server, ['one', 'two']);
    await server.kubectl(['create', 'service', 'nodeport', 'web', '--tcp=80']);
    saved = await objects(server);
  });
  after(() => server.stop());

  test('is backed up while it serves, into a file for its owner alone', async () => {
    const { entries, files, revision } = await report('backup', file, '--data-dir', server.dir);
    assert.ok(entries > 10 && files >= 3 && revision > 0);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const again = await postern('backup', file, '--data-dir', server.dir);
    assert.deepEqual([again.code, /is there already/.test(again.stderr)], [1, true]);
    const piped = await runCommand([
      'bash',
      '-c',
      '"$0" backup - --data-dir "$1" | zcat | tail -n 1',
      PROGRAM,
      server.dir,
    ]);
    assert.match(piped.stdout, /^{"entries":\d+,"files":\d+,"sha256":"[0-9a-f]{64}"}$/m);
  });

  test('is checked while it serves, without its records, which are checked once it has ended', async () => {
    const serving = await report('store', 'check', '--data-dir', server.dir);
    assert.match(serving.recordsNotChecked, new RegExp(`process ${server.pid()} serves`));
    assert.deepEqual([serving.errors, serving.objects.configmaps >= 2], [0, true]);
  });

  test('comes back elsewhere with all that was in the backup, and those who knew it find it again', async (t) => {
    await make(server, ['three']);
    const newest = Number(
      (await server.kubectl(['get', 'cm', 'three', '-o', 'jsonpath={.metadata.resourceVersion}'])).stdout,
    );
    const place = join(tempDir(t), 'data');
    const restored = await report('restore', file, '--data-dir', place);
    assert.ok(restored.revision > newest + 1_000_000);
    const other = await startServer([], place);
    t.after(() => other.stop());
    assert.equal(await objects(other), saved);

    // The same authority: whoever was let in is still.
    const url = ['--server', other.url, '--kubeconfig', server.kubeconfig];
    const old = await outcome([
      'kubectl',
      ...url,
      'get',
      '--raw',
      `/api/v1/configmaps?watch=true&resourceVersion=${newest}&timeoutSeconds=2`,
    ]);
    assert.match(old.stdout + old.stderr, /"code":410|[Ee]xpired/);
    await make(other, ['four']);
    const written = await other.kubectl(['get', 'cm', 'four', '-o', 'jsonpath={.metadata.resourceVersion}']);
    assert.ok(Number(written.stdout) > restored.revision);
    const refused = await postern('restore', file, '--data-dir', place);
    assert.equal(refused.code, 1);
  });

  test('is not touched by a backup that was changed', async (t) => {
    const place = tempDir(t);
    const cut = join(place, 'cut.backup');
    await runCommand(['bash', '-c', 'head -c 2000 "$0" > "$1"', file, cut]);
    const { code, stderr } = await postern('restore', cut, '--data-dir', join(place, 'data'));
    assert.deepEqual([code, /not a backup, or cut off/.test(stderr)], [1, true], stderr);
    await assert.rejects(stat(join(place, 'data', 'store')), { code: 'ENOENT' });
  });
});

describe('a store', { skip: skipWithoutEtcd() }, () => {
  const scope = fileScope();
  let etcd: EtcdFixture;
  before(async () => {
    etcd = await startEtcd(scope, { members: 1 });
  });

  test('moves to an etcd though that is killed in the middle, serves from there, and moves back', async (t) => {
    const dir = join(tempDir(t), 'data');
    const first = await startServer([], dir);
    t.after(() => first.stop());
    await make(first, ['one', 'two']);
    const saved = await objects(first);
    const options = ['--data-dir', dir, '--etcd-endpoints', etcd.endpoints.join(',')];
    const there = ['store', 'migrate', '--from', 'lmdb', '--to', 'etcd', ...options];
    const running = await postern(...there);
    assert.match(running.stderr, /is open in process .*\n.*End the server/);
    await first.end();
    const revision = await grow(join(dir, 'store'));

    // Killed once some of it is there.
    const child = spawn(PROGRAM, there, { stdio: 'ignore' });
    await untilHolds(etcd, 1000);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const half = await outcome([
      PROGRAM,
      'server',
      '--data-dir',
      dir,
      '--listen',
      '127.0.0.1:0',
      '--store',
      'etcd',
      ...options.slice(2),
    ]);
    assert.match(half.stderr, /is not whole: it is being filled with the store in/);

    const moved = await report(...there);
    assert.ok(moved.written < moved.entries && moved.revision > revision, JSON.stringify(moved));
    const second = await startServer(['--store', 'etcd', ...options.slice(2)], dir);
    t.after(() => second.stop());
    assert.equal(await objects(second), saved);
    assert.equal((await report('store', 'check', '--store', 'etcd', ...options.slice(2))).errors, 0);

    // While it serves, and into another place of the same etcd.
    const file = join(tempDir(t), 'cluster.backup');
    await report('backup', file, '--store', 'etcd', ...options);
    const elsewhere = ['--store', 'etcd', '--etcd-prefix', '/restored', ...options.slice(2)];
    const restored = await report('restore', file, ...elsewhere);
    assert.ok(restored.revision > moved.revision + 1_000_000 && restored.filesLeftOut > 0);
    const sound = await report('store', 'check', ...elsewhere);
    assert.deepEqual([sound.errors, sound.keys, sound.revisionsAhead > 1_000_000], [0, restored.entries, true]);

    const place = join(tempDir(t), 'data');
    const back = ['store', 'migrate', '--from', 'etcd', '--to', 'lmdb', '--data-dir', place, ...options.slice(2)];
    const alive = await postern(...back);
    assert.match(alive.stderr, /somebody writes to the store that is to be moved: \/registry\/leases/);
    await second.end();
    const returned = await report(...back);
    assert.ok(returned.revision > moved.revision);
    const checked = await report('store', 'check', '--data-dir', place);
    assert.deepEqual([checked.errors, checked.records.problems], [0, []]);
    assert.equal(checked.objects.configmaps >= 2, true);
  });
});

/** Makes a store so large that copying it takes a while; answers its revision. */
async function grow(dir: string): Promise<number> {
  const store = await openLmdbStore({ dir });
  for (let i = 0; i < 4000; i += 1000) {
    const puts = Array.from({ length: 1000 }, (_, n) => ({
      kind: 'put' as const,
      key: `/registry/example.com/things/${i + n}`,
      value: Buffer.from(JSON.stringify({ padding: 'x'.repeat(500) })),
    }));
    await store.txn([], puts);
  }
  const revision = await store.revision();
  await store.close();
  return revision;
}

/** Resolves once etcd has come to a number of keys. */
async function untilHolds(etcd: EtcdFixture, keys: number): Promise<void> {
  const store = await openEtcdStore({ endpoints: etcd.endpoints, prefix: '/registry/example.com/', log: silentLogger });
  try {
    const from = await store.revision();
    let seen = 0;
    for await (const { events } of store.watch('', from, AbortSignal.timeout(20_000))) {
      seen += events.length;
      if (seen >= keys) return;
    }
    throw new Error(`only ${seen} keys came`);
  } finally {
    await store.close();
  }
}

test('commands about stores say what they lack', async (t) => {
  const none = join(tempDir(t), 'none');
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['backup', 'x'], /which store\? None was named\n {2}Add: --data-dir/],
    [['backup', 'x', '--data-dir', none], /there is no store in .*none\/store/],
    [['store', 'check', '--store', 'etcd'], /needs to know where it is/],
    [['store', 'check', '--data-dir', none, '--etcd-prefix', '/x'], /--etcd-prefix is for an etcd/],
    [['store', 'migrate', '--from', 'lmdb', '--to', 'lmdb', '--data-dir', none], /--from and --to are both lmdb/],
    [['restore', none, '--data-dir', none], /there is no file .*none\n {2}Name the file that postern backup wrote/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await postern(...args);
    assert.deepEqual([code, message.test(stderr)], [1, true], `${args.join(' ')}: ${stderr}`);
  }
});
