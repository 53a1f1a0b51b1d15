/** Taking away what a pod has put on its node, once none of its containers runs. */
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import { NODE, POD_UID } from '../labels.ts';
import { logFolder } from '../leavings.ts';
import type { NodeParts, WorkerParts } from './parts.ts';

/** Gives back its network, its volumes and its group. What it left, and its logs, stay to be read. */
export async function releasePod(
  { nodeName, leavings, slots, volumes }: Pick<WorkerParts, 'nodeName' | 'leavings' | 'slots' | 'volumes'>,
  runtime: ContainerRuntime,
  podUID: string,
): Promise<void> {
  for (const { id } of await runtime.listSandboxes({ labels: { [POD_UID]: podUID, [NODE]: nodeName } })) {
    await slots.run(() => runtime.stopSandbox(id));
  }
  await volumes.remove(podUID);
  await leavings.removeGroup(podUID);
}

/** Takes away all that is left of a pod that was released. */
export async function erasePod(
  { nodeName, leavings, slots }: Pick<NodeParts, 'nodeName' | 'leavings' | 'slots'>,
  runtime: ContainerRuntime,
  pod: Pod,
): Promise<void> {
  const labels = { [POD_UID]: pod.metadata.uid ?? '', [NODE]: nodeName };
  // With a sandbox its containers go.
  for (const { id } of await runtime.listSandboxes({ labels })) await slots.run(() => runtime.removeSandbox(id));
  await leavings.removeLogs(logFolder(pod));
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
