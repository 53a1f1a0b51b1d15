/** Taking away what a pod has put on its node, once none of its containers runs. */
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { logFolder } from '../leavings.ts';
import type { PodRuntime } from '../runtime/pod-runtime.ts';
import type { WorkerParts } from './parts.ts';

/** Gives back its network, its volumes and its group. What it left, and its logs, stay to be read. */
export async function releasePod(parts: WorkerParts, { metadata }: Pod, { sandboxes }: PodRuntime): Promise<void> {
  const { runtime, slots, volumes, leavings, configs, images } = parts;
  const { uid = '' } = metadata;
  for (const { id } of sandboxes) await slots.run(() => runtime.stopSandbox(id));
  await volumes.remove(uid);
  await leavings.removeGroup(uid);
  configs.forget(uid);
  images.forget(uid);
}

/** Takes away all that is left of a pod that was released. */
export async function erasePod(
  { runtime, slots, leavings }: WorkerParts,
  pod: Pod,
  { sandboxes }: PodRuntime,
): Promise<void> {
  // With a sandbox its containers go.
  for (const { id } of sandboxes) await slots.run(() => runtime.removeSandbox(id));
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
