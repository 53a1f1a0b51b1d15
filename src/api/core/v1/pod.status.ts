/** What a Pod's status says. */
import { conditionStatus } from '../../print.ts';
import type { Pod } from './pod.ts';

/** Whether the pod says that it is ready to serve. */
export function isPodReady(pod: Pod): boolean {
  return conditionStatus(pod.status?.conditions, 'Ready') === 'True';
}

/** Whether the pod has ended, and so will never serve again. */
export function isPodFinal({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** The addresses of a pod, at most one per family, the primary one first. */
export function podIPs(pod: Pod): readonly string[] {
  const listed = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  if (listed.length > 0) return listed;
  return pod.status?.podIP ? [pod.status.podIP] : [];
}
