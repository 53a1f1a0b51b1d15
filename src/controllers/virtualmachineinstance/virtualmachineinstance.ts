/** Gives each instance a pod, follows it to its node and its end, and lets the instance go when the pod is gone. */
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import {
  CREATED_BY_LABEL,
  INSTANCE_FINALIZER,
  isFinal,
  VirtualMachineInstance,
} from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import { OwnWrites } from '../../client/own-writes.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { messageOf } from '../../lib/errors.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { gracePeriod, launcherPod } from './desired.ts';
import { isNew, statusWithoutPod, statusWithPod, type VMIStatus } from './status.ts';

export interface InstanceParts extends ControllerParts {
  /** Whether guests may go only to Nodes that run guests alone. Default: to any. */
  readonly guestNodes?: boolean;
}

type Parts = InstanceParts & {
  readonly vmis: Informer<VirtualMachineInstance>;
  /** Grouped by the UID of the instance. */
  readonly pods: OwnWrites<Pod>;
  readonly events: EventRecorder;
};

/** Makes the controller; its keys are those of instances. */
export function virtualMachineInstanceController(parts: InstanceParts): Run {
  const { informers, clock, log } = parts;
  const queue = new WorkQueue({ clock });
  const vmis = informers.of(VirtualMachineInstance);
  const podInformer = informers.of(Pod);
  const byUID = vmis.index((vmi) => [vmi.metadata.uid ?? '']);
  const own = {
    ...parts,
    vmis,
    pods: new OwnWrites(podInformer, instanceUID, clock),
    events: new EventRecorder({ ...parts, component: 'virtualmachineinstance-controller' }),
  };
  const enqueue = (instances: readonly VirtualMachineInstance[]) => {
    for (const { metadata } of instances) queue.add(`${metadata.namespace}/${metadata.name}`);
  };
  vmis.onChange(({ key }) => queue.add(key));
  podInformer.onChange(({ object, previous }) => {
    const pod = object ?? previous;
    if (pod !== undefined && instanceUID(pod) !== '') enqueue(byUID(instanceUID(pod)));
  });
  return (signal) =>
    runController({ name: 'virtualmachineinstance', queue, reconcile: (key) => reconcile(key, own), log }, signal);
}

async function reconcile(key: string, parts: Parts): Promise<void> {
  const vmi = parts.vmis.get(key);
  if (vmi === undefined) return;
  const pods = parts.pods.of(vmi.metadata.uid ?? '');
  if (vmi.metadata.deletionTimestamp !== undefined) return end(vmi, pods, parts);
  const finalizers = vmi.metadata.finalizers ?? [];
  if (!finalizers.includes(INSTANCE_FINALIZER)) {
    await setFinalizers(vmi, [...finalizers, INSTANCE_FINALIZER], parts); // The informer brings us back.
    return;
  }
  const now = parts.clock.now();
  const pod = newest(pods);
  if (pod !== undefined) await follow(vmi, pod, now, parts);
  else if (isNew(vmi)) await makePod(vmi, parts);
  else await podIsGone(vmi, parts);
}

/** Ends the guest through its pod, then lets the instance go. */
async function end(vmi: VirtualMachineInstance, pods: readonly Pod[], parts: Parts): Promise<void> {
  for (const pod of pods) {
    const grace = isPodFinal(pod) ? 0 : gracePeriod(vmi);
    const asked = pod.metadata.deletionTimestamp === undefined ? undefined : pod.metadata.deletionGracePeriodSeconds;
    if (asked !== undefined && asked <= grace) continue;
    const preconditions = { uid: pod.metadata.uid ?? '' };
    await parts.client.delete(Pod, keyOf(pod), { gracePeriodSeconds: grace, preconditions }).catch(ignoreNotFound);
  }
  const finalizers = vmi.metadata.finalizers ?? [];
  if (pods.length > 0 || !finalizers.includes(INSTANCE_FINALIZER)) return;
  const others = finalizers.filter((name) => name !== INSTANCE_FINALIZER);
  await setFinalizers(vmi, others, parts).catch(ignoreNotFound);
}

async function makePod(vmi: VirtualMachineInstance, { client, events, pods, guestNodes }: Parts): Promise<void> {
  const pod = await client.create(Pod, launcherPod(vmi, guestNodes)).catch((error: unknown) => {
    const why = messageOf(error);
    events.event(vmi, 'Warning', 'FailedCreate', `cannot create the pod: ${why}`);
    throw error;
  });
  // The informer brings us back, to write the status: by then the pod may have its node, and one write will do.
  pods.remember(pod);
  events.event(vmi, 'Normal', 'SuccessfulCreate', `Created virtual machine pod ${pod.metadata.name}`);
}

/** Says of the instance what its pod says; that nothing takes it also as an event, as people look at the instance. */
async function follow(vmi: VirtualMachineInstance, pod: Pod, now: number, parts: Parts): Promise<void> {
  const status = statusWithPod(vmi, pod, now);
  if (!(await writeStatus(vmi, status, parts))) return;
  const scheduled = findCondition(status.conditions, 'PodScheduled');
  if (scheduled?.reason !== 'Unschedulable' || equal(scheduled, findCondition(vmi.status?.conditions, 'PodScheduled')))
    return;
  parts.events.event(vmi, 'Warning', 'FailedScheduling', scheduled.message ?? '');
}

/** Looks once more at the server before it gives a guest up: the informer of pods may be behind that of instances. */
async function podIsGone(vmi: VirtualMachineInstance, parts: Parts): Promise<void> {
  const { namespace = '', uid = '' } = vmi.metadata;
  if (isFinal(vmi)) return;
  const labelSelector = `${CREATED_BY_LABEL}=${uid}`;
  const { items } = await parts.client.list(Pod, { namespace, labelSelector });
  if (items.length > 0) throw new Error('the cache of pods is behind that of instances');
  if (await writeStatus(vmi, statusWithoutPod(vmi, parts.clock.now()), parts)) {
    parts.events.event(vmi, 'Warning', 'PodDeleted', 'the pod of the guest is gone, so the guest has ended');
  }
}

/** Whether there was something to write. */
async function writeStatus(vmi: VirtualMachineInstance, status: VMIStatus, { client }: Parts): Promise<boolean> {
  if (equal(status, vmi.status)) return false;
  await client.updateStatus(VirtualMachineInstance, { ...vmi, status });
  return true;
}

async function setFinalizers(vmi: VirtualMachineInstance, finalizers: readonly string[], parts: Parts): Promise<void> {
  await parts.client.update(VirtualMachineInstance, { ...vmi, metadata: { ...vmi.metadata, finalizers } });
}

function instanceUID(pod: Pod): string {
  return pod.metadata.labels?.[CREATED_BY_LABEL] ?? '';
}

/** One that is not ending, if there is one; else any. */
function newest(pods: readonly Pod[]): Pod | undefined {
  return pods.find((pod) => pod.metadata.deletionTimestamp === undefined) ?? pods[0];
}
