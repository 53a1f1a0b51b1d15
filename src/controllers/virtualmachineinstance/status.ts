/** The part of an instance's status that the control plane writes; the node writes the rest once it runs. Pure. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { isFinal, type VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition, isTrue, withCondition, withoutCondition } from '../../api/meta/conditions.ts';
import { printTime } from '../../api/time.ts';
import { NODE_NOT_READY } from '../nodelifecycle/desired.ts';

export type VMIStatus = NonNullable<VirtualMachineInstance['status']>;

/** Phases before a node has taken over. */
const BEFORE_SCHEDULED: readonly (string | undefined)[] = [undefined, '', 'Pending', 'Scheduling'];

/** Whether nobody has made a pod for the instance yet. */
export function isNew({ status }: VirtualMachineInstance): boolean {
  return ['', 'Pending'].includes(status?.phase ?? '');
}

/** The status of an instance that has a pod. */
export function statusWithPod(vmi: VirtualMachineInstance, pod: Pod, now: number): VMIStatus {
  const status = vmi.status ?? {};
  if (isFinal(vmi)) return status;
  const { phase, reason, message } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return ended(vmi, phase, reason ?? message, now);
  const { nodeName = '' } = pod.spec ?? {};
  if (nodeName === '') return waiting(vmi, pod, now);
  const placed = BEFORE_SCHEDULED.includes(status.phase)
    ? { ...enterPhase(status, 'Scheduled', now), nodeName, activePods: { [pod.metadata.uid ?? '']: nodeName } }
    : status;
  const conditions = readyOfNode(withoutCondition(placed.conditions, 'PodScheduled'), pod, now);
  return { ...placed, ...(conditions.length > 0 || placed.conditions ? { conditions } : {}) };
}

/** The status of an instance whose pod has no node yet: what the scheduler says of the pod is said of it. */
function waiting(vmi: VirtualMachineInstance, pod: Pod, now: number): VMIStatus {
  const status = BEFORE_SCHEDULED.includes(vmi.status?.phase)
    ? enterPhase(vmi.status, 'Scheduling', now)
    : (vmi.status ?? {});
  const { reason, message } = findCondition(pod.status?.conditions, 'PodScheduled') ?? {};
  if (!reason) return status;
  const condition = { type: 'PodScheduled', status: 'False', reason, ...(message ? { message } : {}) };
  return { ...status, conditions: withCondition(status.conditions, condition, now) };
}

/** The status of an instance whose pod is gone though nobody deleted the instance. */
export function statusWithoutPod(vmi: VirtualMachineInstance, now: number): VMIStatus {
  return ended(vmi, 'Failed', 'PodDeleted', now);
}

function ended(
  vmi: VirtualMachineInstance,
  phase: 'Succeeded' | 'Failed',
  reason: string | undefined,
  now: number,
): VMIStatus {
  const ready = { type: 'Ready', status: 'False', reason: 'GuestNotRunning', message: 'the guest has ended' };
  return {
    ...enterPhase(vmi.status, phase, now),
    ...(reason ? { reason } : {}),
    conditions: withCondition(vmi.status?.conditions, ready, now),
  };
}

/** While a node is silent nobody there can say that a guest is not ready any more; the pod's condition then leads. */
function readyOfNode(conditions: VMIStatus['conditions'], pod: Pod, now: number): NonNullable<VMIStatus['conditions']> {
  const own = findCondition(conditions, 'Ready');
  const ofPod = findCondition(pod.status?.conditions, 'Ready');
  if (own === undefined || ofPod === undefined) return conditions ?? [];
  if (ofPod.reason === NODE_NOT_READY && ofPod.status !== 'True') {
    const { reason, message } = ofPod;
    return withCondition(conditions, { type: 'Ready', status: 'False', reason, ...(message ? { message } : {}) }, now);
  }
  const isBack = own.reason === NODE_NOT_READY && isTrue(pod.status?.conditions, 'Ready');
  return isBack ? withCondition(conditions, { type: 'Ready', status: 'True' }, now) : (conditions ?? []);
}

/** Also notes when the phase was entered, which is how KubeVirt tells how long a guest ran. */
function enterPhase(status: VMIStatus | undefined, phase: string, now: number): VMIStatus {
  if (status?.phase === phase) return status;
  const entered = { phase, phaseTransitionTimestamp: printTime(now) };
  return { ...status, phase, phaseTransitionTimestamps: [...(status?.phaseTransitionTimestamps ?? []), entered] };
}
