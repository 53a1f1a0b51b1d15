import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { put } from '../contract/tools.ts';
import { StoreFailedError, StoreLockedError } from '../errors.ts';
import { openLmdbStore } from './lmdb-store.ts';
import { openLmdbSnapshot } from './snapshot.ts';

test('a snapshot is of one revision, and stays so, while another process writes and compacts', async (t) => {
  const dir = join(tempDir(t), 'store');
  const writer = spawn(process.execPath, [fileURLToPath(new URL('pairs.fixture.ts', import.meta.url)), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => writer.kill('SIGKILL'));
  await once(writer.stdout, 'data');
  await assert.rejects(openLmdbSnapshot({ dir, alone: true }), StoreLockedError);
  const revisions: number[] = [];
  for (let i = 0; i < 10; i++) {
    const snapshot = await openLmdbSnapshot({ dir, alone: false });
    const read = async (): Promise<string[]> => {
      const texts: string[] = [];
      for await (const page of snapshot.pages()) {
        for (const { key, value, modified } of page) {
          assert.equal(modified, snapshot.revision, key);
          texts.push(Buffer.from(value).toString());
        }
      }
      return texts;
    };
    const [a, z, ...more] = await read();
    assert.deepEqual([a, more], [z, []]);
    // Long enough for the writer to use pages again that it may.
    await pause(20);
    assert.deepEqual(await read(), [a, z]);
    await snapshot.close();
    revisions.push(snapshot.revision);
  }
  assert.ok((revisions.at(-1) ?? 0) > (revisions[0] ?? 0), `the writer went on: ${revisions}`);
  const exit = once(writer, 'exit');
  writer.kill('SIGKILL');
  await exit;
  await (await openLmdbSnapshot({ dir, alone: true })).close();
});

test('what was read for a process that was killed is used again', async (t) => {
  const dir = join(tempDir(t), 'store');
  const store = await openLmdbStore({ dir });
  t.after(() => store.close());
  const write = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++) await put(store, 'a', String(i).padEnd(100_000));
    await store.compact(await store.revision());
    return statSync(join(dir, 'data.mdb')).size;
  };
  await write(20);
  const reader = spawn(process.execPath, [fileURLToPath(new URL('reader.fixture.ts', import.meta.url)), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(reader.stdout, 'data');
  const exit = once(reader, 'exit');
  reader.kill('SIGKILL');
  await exit;
  const size = await write(20);
  for (let i = 0; i < 5; i++) assert.ok((await write(20)) <= size, 'the file grows no more');
});

test('of a directory without a store there is none, and none is made', async (t) => {
  const dir = tempDir(t);
  await assert.rejects(openLmdbSnapshot({ dir, alone: false }), (error) => {
    return error instanceof StoreFailedError && /there is no data.mdb/.test(error.message);
  });
});
