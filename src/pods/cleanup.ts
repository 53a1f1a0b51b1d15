/** Takes away what this part has put on a machine, when nothing of it runs: also that of a run that was killed. */
import { access, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from '../host/log.ts';
import { codeOf } from '../lib/errors.ts';
import { removePodCgroup, removePodCgroups } from './cgroups.ts';
import type { ContainerRuntime } from './cri/cri.ts';
import { NODE, POD_UID } from './labels.ts';
import { logsUnder } from './leavings.ts';
import { type RuntimeEndpoint, socketOf } from './runtime/connection.ts';

export interface CleanupOptions {
  readonly nodeName: string;
  readonly stateDir: string;
  readonly runtimeEndpoint: RuntimeEndpoint;
  readonly log: Logger;
}

/**
 * Ends and removes this node's pods of containers, their volumes, groups and logs, and the network plugin. What belongs to a runtime
 * that is not there stays with it; all else goes.
 */
export async function cleanupPods({ nodeName, stateDir, runtimeEndpoint, log }: CleanupOptions): Promise<void> {
  const state = resolve(stateDir);
  if (runtimeEndpoint !== 'none' && (await exists(socketOf(runtimeEndpoint)))) {
    const { openRuntime } = await import('./cri/client.ts');
    const { letSandboxesGo } = await import('./cni/cni.ts');
    const runtime = await openRuntime({ socketPath: socketOf(runtimeEndpoint), log });
    const letting = new AbortController();
    try {
      await letSandboxesGo({ stateDir: join(state, 'cni'), log }, letting.signal);
      await removeSandboxes(runtime, nodeName);
    } catch (err) {
      log.warn({ err }, 'cannot remove the containers of this node: their runtime does not answer');
    } finally {
      letting.abort();
      runtime.close();
    }
  }
  if (await exists(join(state, 'pods'))) {
    const [{ openMounts }, { removeFolder }] = await Promise.all([
      import('../host/mounts.ts'),
      import('./volumes/remove.ts'),
    ]);
    await removeFolder(await openMounts(), join(state, 'pods'));
  }
  await rm(logsUnder(state), { recursive: true, force: true });
  if (await exists(join(state, 'cni'))) {
    const { cleanupCNI } = await import('./cni/cni.ts');
    await cleanupCNI(join(state, 'cni'));
  }
  await removePodCgroups(nodeName);
}

async function removeSandboxes(runtime: ContainerRuntime, nodeName: string): Promise<void> {
  for (const { id, labels } of await runtime.listSandboxes({ labels: { [NODE]: nodeName } })) {
    await runtime.stopSandbox(id);
    await runtime.removeSandbox(id);
    await removePodCgroup(nodeName, labels[POD_UID] ?? '');
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return false;
  }
}
