import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TERMINATION_MESSAGE_POLICY } from '../labels.ts';
import { endOfLog, lastWords } from './last-words.ts';
import type { ContainerRun } from './pod-runtime.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'postern-last-words-'));
});
after(() => rm(dir, { recursive: true }));

const run = (exitCode: number, policy = 'File', logPath = ''): ContainerRun => ({
  ...{ id: 'c', sandboxID: 's', metadata: { name: 'web', attempt: 0 }, image: '', imageRef: '', state: 'EXITED' },
  ...{ createdAt: 0n, labels: {}, annotations: { [TERMINATION_MESSAGE_POLICY]: policy }, startedAt: 0, finishedAt: 0 },
  ...{ exitCode, reason: '', message: '', logPath },
});

describe('the last words of a container', () => {
  it('are what it wrote into its file, up to a limit', async () => {
    const file = join(dir, 'message');
    await writeFile(file, `why it ended\n${'x'.repeat(5000)}`);
    const words = await lastWords(run(1), file);
    assert.match(words, /^why it ended\nx/);
    assert.equal(words.length, 4096);
  });

  it('are none where there is no file, or one that leads elsewhere', async () => {
    assert.equal(await lastWords(run(1), join(dir, 'absent')), '');
    const link = join(dir, 'link');
    await symlink('/etc/passwd', link);
    assert.equal(await lastWords(run(1), link), '');
    assert.equal(await lastWords(run(1), dir), '');
  });

  it('are the end of the log where it failed without, and that was asked for', async () => {
    const log = join(dir, '0.log');
    await writeFile(log, '2026-01-01T00:00:00Z stdout F before\n2026-01-01T00:00:01Z stderr F it broke\n');
    const [absent, policy] = [join(dir, 'absent'), 'FallbackToLogsOnError'];
    assert.equal(await lastWords(run(1, policy, log), absent), 'before\nit broke\n');
    assert.equal(await lastWords(run(0, policy, log), absent), '');
    assert.equal(await lastWords(run(1, 'File', log), absent), '');
  });

  it('put lines together that the log has in parts, and skip what is none', () => {
    assert.equal(endOfLog('cut off\nT stdout P one \nT stdout F line\nT stdout F \n'), 'one line\n\n');
    const many = Array.from({ length: 200 }, (_, i) => `T stdout F ${i}`).join('\n');
    assert.match(endOfLog(`${many}\n`), /^120\n121\n/);
  });
});
