/** What a preference among nodes is. */
import type { ClusterView } from '../cluster.ts';
import type { WaitingPod } from '../facts.ts';
import type { Surroundings } from '../filters/filter.ts';
import type { NodeView } from '../node-view.ts';

/**
 * Looks at pod and cluster once, and then says how well each node suits: more is better, in units of its own. Undefined: the pod
 * has no preference of this kind.
 */
export type Score = (
  pod: WaitingPod,
  cluster: ClusterView,
  surroundings: Surroundings,
) => ((node: NodeView) => number) | undefined;
