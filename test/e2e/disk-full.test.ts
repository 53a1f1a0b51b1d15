/** The disk of a server is full: writes are refused in words that help, reads go on, and nothing that was answered is lost. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { ConfigMap } from '../../src/api/core/v1/configmap.ts';
import { ApiError } from '../../src/api/status.ts';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { checkStore } from '../../src/store/lmdb/check.ts';
import { openLmdbSnapshot } from '../../src/store/lmdb/snapshot.ts';
import { type SmallDisk, skipWithoutMounts, smallDisk } from '../support/small-disk.ts';
import { tempDir } from '../support/temp-dir.ts';

const MEGABYTES = 1024 * 1024;

async function startOn(disk: SmallDisk, t: TestContext) {
  const data = join(disk.dir, 'data');
  const [program = '', ...args] = disk.argv([PROGRAM, 'server', '--data-dir', data, '--listen', '127.0.0.1:0']);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.after(end);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  assert.match(String(line), /^ready /);
  const client = createClient(await loadKubeconfig(join(disk.outside, 'data', 'kubeconfig')));
  t.after(() => client.close());
  return { client, end };
}

test('a server whose disk is full says so, reads, and writes again when there is room', {
  skip: skipWithoutMounts(),
}, async (t) => {
  const copy = tempDir(t);
  const disk = await smallDisk(t, 12 * MEGABYTES);
  const { client, end } = await startOn(disk, t);
  const answered: string[] = [];
  const write = async (): Promise<void> => {
    const name = `config-${answered.length}`;
    await client.create(ConfigMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
      data: { text: 'x'.repeat(50_000) },
    });
    answered.push(name);
  };
  for (let i = 0; i < 5; i++) await write();

  disk.fill();
  const refusal = await untilRefused(write);
  assert.ok(refusal instanceof ApiError);
  assert.equal(refusal.status.code, 507);
  assert.match(refusal.message, /commit to the store: .*make room on the disk of .*data\/store/);
  await assert.rejects(write(), ApiError);
  assert.equal(
    (await client.list(ConfigMap, { namespace: 'default' })).items.filter(({ data }) => data?.['text']).length,
    answered.length,
  );
  assert.equal(await client.raw('GET', '/livez'), 'ok');

  disk.free();
  for (let i = 0; i < 5; i++) await write();
  // With the disk gone, what had been answered is what is there.
  await end();
  await cp(join(disk.outside, 'data', 'store'), copy, { recursive: true });
  assert.deepEqual((await checkStore(copy)).problems, []);
  const snapshot = await openLmdbSnapshot({ dir: copy, alone: true });
  const kept: string[] = [];
  for await (const page of snapshot.pages()) kept.push(...page.map(({ key }) => key));
  await snapshot.close();
  for (const name of answered) assert.ok(kept.includes(`/registry/configmaps/default/${name}`), name);
});

/** Pages that are free within the file take a few more. */
async function untilRefused(write: () => Promise<void>): Promise<unknown> {
  for (let tries = 0; tries < 500; tries++) {
    try {
      await write();
    } catch (error) {
      return error;
    }
  }
  throw new Error('nothing was refused');
}
