/** What a rule about nodes is. */
import type { ClusterView } from '../cluster.ts';
import type { WaitingPod } from '../facts.ts';
import type { NodeView } from '../node-view.ts';
import type { Refusal } from '../refusal.ts';
import type { NamespacesOf } from '../terms.ts';

/** What is known beyond nodes and pods. */
export interface Surroundings {
  readonly namespacesOf: NamespacesOf;
}

/**
 * Looks at pod and cluster once, and then says of each node why it does not take the pod. Undefined: this rule has nothing to
 * say of the pod.
 */
export type Filter = (
  pod: WaitingPod,
  cluster: ClusterView,
  surroundings: Surroundings,
) => ((node: NodeView) => Refusal | undefined) | undefined;
