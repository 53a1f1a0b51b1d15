/**
 * Which pods are missed least, and so are deleted first. Pure. Follows the order of Kubernetes:
 * https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { isActive, readySince } from '../pods.ts';

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#pod-deletion-cost */
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const COST = /^(0|-?[1-9][0-9]{0,9})$/;

const PHASES = ['Pending', 'Unknown', 'Running'];

/** What the order looks at, worked out once for each pod. */
interface Ranked {
  readonly pod: Pod;
  /** Each is compared with that of another pod, in this order: the smaller goes first. */
  readonly keys: readonly number[];
}

/**
 * The pods, those that are missed least first. `related` are the pods that serve together with them, themselves among
 * them: of two on one node, one is missed less.
 */
export function byWorth(pods: readonly Pod[], related: readonly Pod[]): readonly Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const { nodeName = '' } = pod.spec ?? {};
    if (isActive(pod)) perNode.set(nodeName, (perNode.get(nodeName) ?? 0) + 1);
  }
  const ranked = pods.map((pod): Ranked => ({ pod, keys: keysOf(pod, perNode) }));
  return ranked.sort(compare).map(({ pod }) => pod);
}

function keysOf(pod: Pod, perNode: ReadonlyMap<string, number>): readonly number[] {
  const { nodeName = '' } = pod.spec ?? {};
  const ready = readySince(pod);
  return [
    nodeName === '' ? 0 : 1,
    PHASES.indexOf(pod.status?.phase ?? 'Pending'),
    ready === undefined ? 0 : 1,
    costOf(pod),
    -(perNode.get(nodeName) ?? 0),
    -(ready ?? 0),
    -restartsOf(pod),
    -(Date.parse(pod.metadata.creationTimestamp ?? '') || 0),
  ];
}

function compare(a: Ranked, b: Ranked): number {
  for (const [i, key] of a.keys.entries()) {
    const difference = key - (b.keys[i] ?? 0);
    if (difference !== 0) return difference;
  }
  const [left = '', right = ''] = [a.pod.metadata.uid, b.pod.metadata.uid];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What somebody says that deleting the pod costs; what is no number of 32 bits costs nothing. */
function costOf({ metadata }: Pod): number {
  const text = metadata.annotations?.[DELETION_COST] ?? '';
  const cost = COST.test(text) ? Number(text) : 0;
  return Math.abs(cost) < 2 ** 31 ? cost : 0;
}

function restartsOf({ status }: Pod): number {
  return Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount = 0 }) => restartCount));
}
