/** What a node's silence or return changes on the node and its pods. Pure. */
import type { Node } from '../../api/core/v1/node.ts';
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { findCondition, isTrue, withCondition } from '../../api/meta/conditions.ts';
import { printTime } from '../../api/time.ts';

/** Taint of a node that has gone silent. https://kubernetes.io/docs/reference/labels-annotations-taints/ */
const UNREACHABLE_TAINT = 'node.kubernetes.io/unreachable';
/** Taint of a node that says itself that it is not ready. */
const NOT_READY_TAINT = 'node.kubernetes.io/not-ready';
/** Reason of the Ready condition of pods whose node is not ready: set, and taken back, by this controller only. */
export const NODE_NOT_READY = 'NodeNotReady';

/** Milliseconds without a renewed lease after which a node counts as lost: Kubernetes' default of node-monitor-grace-period. */
export const DEFAULT_GRACE = 40_000;

/**
 * The same for one node, whose lease says for how many seconds a renewal is good. Agents renew when a quarter of that has passed:
 * one late renewal must not make a node a lost one, however impatient the cluster is.
 */
export function graceOf(asked: number, leaseSeconds: number | undefined): number {
  return Math.max(asked, ((leaseSeconds ?? 0) * 1000) / 2);
}

type Taints = NonNullable<NonNullable<Node['spec']>['taints']>;

/** The node's status; it says Unknown instead of its last word once it has been silent for so many milliseconds. */
export function desiredNodeStatus(node: Node, silence: number | undefined, now: number): NonNullable<Node['status']> {
  const status = node.status ?? {};
  if (silence === undefined) return status;
  const message = `the node's agent has not renewed its lease for ${silence / 1000} s`;
  const condition = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message };
  return { ...status, conditions: withCondition(status.conditions, condition, now) };
}

/** The node's taints: ours as its readiness asks, those of others untouched. */
export function desiredTaints(node: Node, silent: boolean, now: number): Taints {
  const current = node.spec?.taints ?? [];
  const ready = findCondition(node.status?.conditions, 'Ready')?.status ?? 'Unknown';
  const key = silent ? UNREACHABLE_TAINT : ready === 'False' ? NOT_READY_TAINT : undefined;
  const others = current.filter((taint) => taint.key !== UNREACHABLE_TAINT && taint.key !== NOT_READY_TAINT);
  const kept = current.filter((taint) => taint.key === key);
  if (key === undefined) return others;
  const fresh = (['NoSchedule', 'NoExecute'] as const).map((effect) => ({ key, effect, timeAdded: printTime(now) }));
  return [...others, ...(kept.length > 0 ? kept : fresh)];
}

/** Whether pods there can be counted on. A node that never spoke is no reason to doubt its pods. */
export function isNodeReady(node: Node, silent: boolean): boolean {
  return !silent && isTrue(node.status?.conditions, 'Ready');
}

/**
 * The pod's conditions: not ready while its node is not, and afterwards what the node last said, which its
 * ContainersReady condition still has. Undefined when nothing is to be changed.
 */
export function podConditions(pod: Pod, nodeReady: boolean, now: number): Pod['status'] | undefined {
  const { status } = pod;
  const ready = findCondition(status?.conditions, 'Ready');
  if (ready === undefined || isPodFinal(pod)) return undefined;
  if (!nodeReady && ready.status === 'True') {
    const message = `node ${pod.spec?.nodeName} is not ready`;
    const condition = { type: 'Ready', status: 'False', reason: NODE_NOT_READY, message };
    return { ...status, conditions: withCondition(status?.conditions, condition, now) };
  }
  if (nodeReady && ready.reason === NODE_NOT_READY) {
    const last = isTrue(status?.conditions, 'ContainersReady') ? 'True' : 'False';
    return { ...status, conditions: withCondition(status?.conditions, { type: 'Ready', status: last }, now) };
  }
  return undefined;
}
