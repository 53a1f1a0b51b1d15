/** What every container runtime does that the worker of a pod leans on: run by the fake and by containerd. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerConfig, sandboxConfig } from '../testing/configs.ts';
import { type ContainerRuntime, CRIError, isCRINotFound, type SandboxConfig } from './cri.ts';
import { DEAF, exits, MISSING, POLITE } from './programs.ts';

export interface ContractWorld {
  readonly runtime: ContainerRuntime;
  readonly logDirectory: string;
}

/** `world` is asked when the tests run. A deaf container's grace period is `graceSeconds`. */
export function runtimeContract(name: string, world: () => ContractWorld, graceSeconds: number): void {
  const sandbox = async (of: string, attempt = 0): Promise<{ readonly id: string; readonly config: SandboxConfig }> => {
    const { runtime, logDirectory } = world();
    const made = sandboxConfig({ name: of, logDirectory, labels: { contract: of } });
    const config = { ...made, metadata: { ...made.metadata, attempt } };
    return { config, id: await runtime.runSandbox(config) };
  };
  const create = (
    of: Awaited<ReturnType<typeof sandbox>>,
    container: string,
    command: readonly string[],
    attempt = 0,
  ) => {
    const labels = { contract: of.config.metadata.name };
    const config = containerConfig({ name: container, command, attempt, labels });
    return world().runtime.createContainer(of.id, config, of.config);
  };

  describe(`${name}, as workers of pods lean on it`, { concurrency: true }, () => {
    it('runs a container to its end, which an event tells', async () => {
      const { runtime } = world();
      const { signal, abort } = abortable();
      const of = await sandbox('ends');
      const seen: string[] = [];
      const told = untilStopped(runtime, signal, seen);
      const id = await create(of, 'ends', exits(3));
      assert.equal((await runtime.containerStatus(id)).state, 'CREATED');
      await runtime.startContainer(id);
      await told(id);
      const status = await runtime.containerStatus(id);
      assert.deepEqual([status.state, status.exitCode, status.reason], ['EXITED', 3, 'Error']);
      assert.ok(status.startedAt !== undefined && status.finishedAt !== undefined);
      abort();
    });

    it('ends a container that heeds its signal at once, and any other after its grace period', async () => {
      const { runtime } = world();
      const of = await sandbox('stops');
      const [polite, deaf] = [await create(of, 'polite', POLITE), await create(of, 'deaf', DEAF)];
      await Promise.all([runtime.startContainer(polite), runtime.startContainer(deaf)]);
      await runtime.stopContainer(polite, 30);
      const status = await runtime.containerStatus(polite);
      assert.deepEqual([status.state, status.exitCode, status.reason], ['EXITED', 0, 'Completed']);
      await runtime.stopContainer(deaf, graceSeconds);
      assert.deepEqual((await runtime.containerStatus(deaf)).exitCode, 137);
      await runtime.stopContainer(deaf, graceSeconds);
    });

    it('fails to start what is no program, and keeps that as a run that has ended', async () => {
      const { runtime } = world();
      const id = await create(await sandbox('missing'), 'missing', MISSING);
      await assert.rejects(runtime.startContainer(id), CRIError);
      const { state, exitCode, reason } = await runtime.containerStatus(id);
      assert.deepEqual({ state, exitCode, reason }, { state: 'EXITED', exitCode: 128, reason: 'StartError' });
    });

    it('has one sandbox of each attempt, and one container', async () => {
      const of = await sandbox('once');
      await assert.rejects(sandbox('once'), CRIError);
      await create(of, 'once', POLITE);
      await assert.rejects(create(of, 'once', POLITE), CRIError);
      await create(of, 'once', POLITE, 1);
      await sandbox('once', 1);
      assert.equal((await world().runtime.listSandboxes({ labels: { contract: 'once' } })).length, 2);
      assert.equal((await world().runtime.listContainers({ labels: { contract: 'once' } })).length, 2);
    });

    it('ends containers with their sandbox, and removes them with it', async () => {
      const { runtime } = world();
      const of = await sandbox('whole');
      const id = await create(of, 'whole', POLITE);
      await runtime.startContainer(id);
      await runtime.stopSandbox(of.id);
      assert.equal((await runtime.sandboxStatus(of.id)).state, 'NOTREADY');
      assert.equal((await runtime.containerStatus(id)).state, 'EXITED');
      await runtime.removeSandbox(of.id);
      await assert.rejects(runtime.containerStatus(id), isCRINotFound);
      await assert.rejects(runtime.sandboxStatus(of.id), isCRINotFound);
    });

    it('takes stopping and removing what is not there for done', async () => {
      const { runtime } = world();
      await runtime.stopContainer('0'.repeat(64), 1);
      await runtime.removeContainer('0'.repeat(64));
      await runtime.stopSandbox('0'.repeat(64));
      await runtime.removeSandbox('0'.repeat(64));
    });
  });
}

function abortable(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** Follows the events from now on; the answer waits until one has told of the end of a container. */
function untilStopped(runtime: ContainerRuntime, signal: AbortSignal, seen: string[]): (id: string) => Promise<void> {
  let changed = () => {};
  const follow = async () => {
    for await (const { type, containerID } of runtime.events(signal)) {
      if (type !== 'STOPPED') continue;
      seen.push(containerID);
      changed();
    }
  };
  follow().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return async (id) => {
    while (!seen.includes(id))
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
  };
}
