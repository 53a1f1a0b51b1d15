/** What a pod that has no node says about it. Pure. */
import type { Pod, PodStatus } from '../../api/core/v1/pod.ts';
import { withCondition } from '../../api/meta/conditions.ts';

/** No node takes the pod; `message` says why. */
export function unschedulableStatus(pod: Pod, message: string, now: number): PodStatus {
  return withReason(pod, 'Unschedulable', message, now);
}

/** Somebody asked that the pod is not placed yet. https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/ */
export function gatedStatus(pod: Pod, now: number): PodStatus {
  return withReason(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates', now);
}

function withReason({ status }: Pod, reason: string, message: string, now: number): PodStatus {
  const condition = { type: 'PodScheduled', status: 'False', reason, message };
  return { ...status, conditions: withCondition(status?.conditions, condition, now) };
}
