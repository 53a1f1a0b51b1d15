import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { podCgroup, removePodCgroup, removePodCgroups } from './cgroups.ts';
import { leavingsOf, logFolder, ownerOfLogs } from './leavings.ts';
import { podOf } from './worker/testing.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'postern-leavings-'));
});
after(() => rm(dir, { recursive: true }));

describe('logs', () => {
  it('are in a folder whose name says whose they are', async () => {
    assert.equal(logFolder(podOf('web-1')), 'default_web-1_web-1-uid');
    assert.equal(ownerOfLogs('default_web-1_web-1-uid'), 'web-1-uid');
    assert.deepEqual(await leavingsOf('node1', join(dir, 'absent')).logFolders(), []);
  });

  it('of one run go with it, those that were rotated too, and nothing that is not below the folder of logs', async () => {
    const leavings = leavingsOf('node1', join(dir, 'logs'));
    const [ours, others] = [join(dir, 'logs', 'default_web_uid', 'web'), join(dir, 'elsewhere', 'a', 'b')];
    for (const folder of [ours, others]) {
      await mkdir(folder, { recursive: true });
      for (const name of ['1.log', '1.log.20260101-000000.gz', '11.log']) await writeFile(join(folder, name), '');
    }
    await leavings.removeRunLogs(join(ours, '1.log'));
    await leavings.removeRunLogs(join(others, '1.log'));
    assert.deepEqual(await readdir(ours), ['11.log']);
    assert.equal((await readdir(others)).length, 3);
  });
});

describe('control groups', () => {
  // Folders stand for groups: what is different about those is that their files go with them.
  it('of a pod are removed in every hierarchy, with those below', async () => {
    const root = join(dir, 'v1');
    const [one, other] = [podCgroup('node1', 'one'), podCgroup('node1', 'other')];
    for (const controller of ['memory', 'cpu']) {
      await mkdir(join(root, controller, one, 'container'), { recursive: true });
      await mkdir(join(root, controller, other), { recursive: true });
    }
    await removePodCgroup('node1', 'one', root);
    await removePodCgroup('node1', 'one', root);
    assert.deepEqual(await readdir(join(root, 'memory', 'postern', 'node1')), ['podother']);
    await mkdir(join(root, 'memory', podCgroup('node2', 'one')), { recursive: true });
    await removePodCgroups('node1', root);
    assert.deepEqual(await readdir(join(root, 'memory', 'postern')), ['node2']);
    assert.deepEqual(await readdir(join(root, 'cpu')), []);
  });
});
