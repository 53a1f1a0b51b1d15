/** Taking away what a pod has put on its node, once none of its containers runs. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { removePodCgroup } from '../cgroups.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import { NODE, POD_UID } from '../labels.ts';
import type { NodeParts, WorkerParts } from './parts.ts';

/** Folder of all pods' logs, in the folder of the agent's state. */
export function logsUnder(stateDir: string): string {
  return join(stateDir, 'logs');
}

/** Folder of a pod's logs, below that of all: named as the kubelet names it. */
export function logFolder(logDir: string, { metadata }: Pod): string {
  return join(logDir, `${metadata.namespace}_${metadata.name}_${metadata.uid}`);
}

/** Gives back its network, its volumes and its group. What it left, and its logs, stay to be read. */
export async function releasePod(
  { nodeName, volumes }: Pick<WorkerParts, 'nodeName' | 'volumes'>,
  runtime: ContainerRuntime,
  podUID: string,
): Promise<void> {
  for (const { id } of await runtime.listSandboxes({ labels: { [POD_UID]: podUID, [NODE]: nodeName } })) {
    await runtime.stopSandbox(id);
  }
  await volumes.remove(podUID);
  await removePodCgroup(nodeName, podUID);
}

/** Takes away all that is left of a pod that was released. */
export async function erasePod(
  { nodeName, logDir }: Pick<NodeParts, 'nodeName' | 'logDir'>,
  runtime: ContainerRuntime,
  pod: Pod,
): Promise<void> {
  const labels = { [POD_UID]: pod.metadata.uid ?? '', [NODE]: nodeName };
  // With a sandbox its containers go.
  for (const { id } of await runtime.listSandboxes({ labels })) await runtime.removeSandbox(id);
  await rm(logFolder(logDir, pod), { recursive: true, force: true });
}

/** Tells the API that nothing of the pod is left: with that, it goes. */
export async function confirmDeletion(client: Client, pod: Pod): Promise<void> {
  const { uid } = pod.metadata;
  try {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, ...preconditions });
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
