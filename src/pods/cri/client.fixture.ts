/** The client against a real containerd: run by `client.test.ts` in a world for containers. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { containerConfig, sandboxConfig } from '../testing/configs.ts';
import { startContainerd, type TestContainerd } from '../testing/containerd.ts';
import type { ContainerEvent, SandboxConfig } from './cri.ts';

const dir = mkdtempSync('/run/c-');
const logDirectory = join(dir, 'logs');
let containerd: TestContainerd;
let sandbox: { readonly id: string; readonly config: SandboxConfig };

before(async () => {
  containerd = await startContainerd({ dir });
  const config = sandboxConfig({ name: 'shared', logDirectory });
  sandbox = { config, id: await containerd.runtime.runSandbox(config) };
});
after(() => containerd.stop());

test('a container runs, writes its log and tells how it ended', async () => {
  const { runtime } = containerd;
  const config = containerConfig({ name: 'ends', command: ['sh', '-c', 'echo hello; exit 3'] });
  const id = await runtime.createContainer(sandbox.id, config, sandbox.config);
  assert.equal((await runtime.containerStatus(id)).state, 'CREATED');

  const ended = eventOf('STOPPED', id);
  await runtime.startContainer(id);
  await ended;
  const status = await runtime.containerStatus(id);
  assert.deepEqual(
    { state: status.state, exitCode: status.exitCode, reason: status.reason, logPath: status.logPath },
    { state: 'EXITED', exitCode: 3, reason: 'Error', logPath: join(logDirectory, 'ends/0.log') },
  );
  assert.match(readFileSync(status.logPath, 'utf8'), / stdout F hello\n$/);
});

/** Resolves with the first event of a type about a container. */
async function eventOf(type: ContainerEvent['type'], containerID: string): Promise<void> {
  const ends = new AbortController();
  for await (const event of containerd.runtime.events(ends.signal)) {
    if (event.type === type && event.containerID === containerID) return;
  }
}
