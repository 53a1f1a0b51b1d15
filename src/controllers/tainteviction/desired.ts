/** Which pods have to leave a node because of its taints, and when. Pure. Follows Kubernetes' taint manager. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isLauncherPod } from '../../api/kubevirt/v1/launcher-pod.ts';
import { seconds } from '../../lib/duration.ts';
import { type Taint, tolerates } from '../taints.ts';

/** Taint of a node that has gone silent. */
const UNREACHABLE = 'node.kubernetes.io/unreachable';

/**
 * The taints that pods leave a node for. A node's silence is a reason only while another node is ready: there is nowhere to
 * go else, and when all are silent, it is rather us whom nobody reaches.
 */
export function evictingTaints(node: Node, isAnotherReady: boolean): readonly Taint[] {
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  return isAnotherReady ? taints : taints.filter(({ key }) => key !== UNREACHABLE);
}

/** Milliseconds that a pod bears these taints; undefined: for ever. */
export function bearsFor({ spec }: Pod, taints: readonly Taint[]): number | undefined {
  const tolerations = spec?.tolerations ?? [];
  const borne = taints.map((taint) =>
    tolerations.find((toleration) => tolerates({ tolerations: [toleration] }, taint)),
  );
  if (borne.includes(undefined)) return 0;
  const limits = borne.flatMap((toleration) => toleration?.tolerationSeconds ?? []);
  return limits.length === 0 ? undefined : seconds(Math.max(0, Math.min(...limits)));
}

/** Whether a pod may be made to leave: one that is going already need not, and guests are not started elsewhere. */
export function mayLeave(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isLauncherPod(pod);
}
