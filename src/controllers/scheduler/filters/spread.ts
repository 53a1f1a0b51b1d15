/**
 * Constraints on how unevenly pods may be spread. Pure.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
import type { TopologySpreadConstraint } from '../../../api/core/v1/pod-placement.ts';
import { tolerates } from '../../taints.ts';
import type { ClusterView } from '../cluster.ts';
import { countByDomain, domainOf } from '../domains.ts';
import type { WaitingPod } from '../facts.ts';
import { allowsNode } from '../node-terms.ts';
import type { NodeView } from '../node-view.ts';
import { refusal } from '../refusal.ts';
import { isMeant, podMatcher, selectorWith } from '../terms.ts';
import type { Filter } from './filter.ts';

const TOO_UNEVEN = "node(s) didn't match pod topology spread constraints";

/** Nodes where the pod keeps the skew of its constraints. */
export const spreadFilter: Filter = (pod, cluster) => {
  const constraints = spreadConstraints(pod, 'DoNotSchedule');
  if (constraints.length === 0) return undefined;
  const spreads = constraints.map((constraint) => ({ constraint, spread: spreadOf(constraint, pod, cluster) }));
  return (node) => {
    for (const { constraint, spread } of spreads) {
      const place = domainOf(node, constraint.topologyKey);
      if (place === undefined) return refusal('node', `${TOO_UNEVEN} (missing required label)`);
      const skew = (spread.counts.get(place) ?? 0) + spread.own - spread.least;
      if (skew > constraint.maxSkew) return refusal('pods', TOO_UNEVEN);
    }
    return undefined;
  };
};

export function spreadConstraints(
  { spec }: WaitingPod,
  whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway',
): readonly TopologySpreadConstraint[] {
  return (spec.topologySpreadConstraints ?? []).filter((each) => each.whenUnsatisfiable === whenUnsatisfiable);
}

/** How the pods that a constraint is about are spread. */
export interface Spread {
  /** Pods that the constraint is about, by place. */
  readonly counts: ReadonlyMap<string, number>;
  /** The count of the place that has fewest. */
  readonly least: number;
  /** 1 when the pod is itself one of those that are counted. */
  readonly own: 0 | 1;
}

/** How the pods that a constraint is about are spread now, over the nodes that the pod may be placed on. */
export function spreadOf(constraint: TopologySpreadConstraint, pod: WaitingPod, cluster: ClusterView): Spread {
  const { labelSelector, matchLabelKeys, minDomains = 1, topologyKey } = constraint;
  const matcher = podMatcher(selectorWith(labelSelector, pod.labels, matchLabelKeys), [pod.namespace]);
  const nodes = cluster.nodes().filter((node) => isConsidered(node, constraint, pod));
  const counts = countByDomain(nodes, topologyKey, cluster.tally({ matcher, ending: false }));
  const least = counts.size < minDomains ? 0 : Math.min(...counts.values());
  return { counts, least: Number.isFinite(least) ? least : 0, own: isMeant(matcher, pod) ? 1 : 0 };
}

/** Nodes that the pod's affinity rules out do not count unless the constraint says so; tainted ones do. */
function isConsidered(node: NodeView, constraint: TopologySpreadConstraint, { spec }: WaitingPod): boolean {
  const { nodeAffinityPolicy = 'Honor', nodeTaintsPolicy = 'Ignore' } = constraint;
  if (nodeAffinityPolicy === 'Honor' && !allowsNode(spec, node)) return false;
  if (nodeTaintsPolicy !== 'Honor') return true;
  return node.taints.every((taint) => taint.effect === 'PreferNoSchedule' || tolerates(spec, taint));
}
