/** The preferences among nodes that fit. Pure. */

import { tolerates } from '../../taints.ts';
import { countByDomain, domainOf } from '../domains.ts';
import { spreadConstraints, spreadOf } from '../filters/spread.ts';
import { meansNode } from '../node-terms.ts';
import { estimate } from '../node-usage.ts';
import { termOf } from '../terms.ts';
import type { Score } from './score.ts';

/** Nodes that would rather not have the pod come last. */
export const taintScore: Score =
  ({ spec }) =>
  (node) =>
    -node.taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !tolerates(spec, taint)).length;

/** The preferred part of node affinity. */
export const nodeAffinityScore: Score = ({ spec }) => {
  const preferred = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  if (preferred.length === 0) return undefined;
  return (node) =>
    preferred.reduce((sum, { weight, preference }) => sum + (meansNode(preference, node) ? weight : 0), 0);
};

/** The preferred parts of affinity between pods: pods near it, each by its weight, less those it would rather not have near. */
export const podAffinityScore: Score = (pod, cluster, { namespacesOf }) => {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const weighted = [
    ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
      weight: -weight,
      podAffinityTerm,
    })),
  ];
  if (weighted.length === 0) return undefined;
  const terms = weighted.map(({ weight, podAffinityTerm }) => {
    const term = termOf(podAffinityTerm, pod, namespacesOf);
    const counts = countByDomain(cluster.nodes(), term.topologyKey, cluster.tally({ matcher: term, ending: true }));
    return { weight, topologyKey: term.topologyKey, counts };
  });
  return (node) =>
    terms.reduce((sum, { weight, topologyKey, counts }) => {
      return sum + weight * (counts.get(domainOf(node, topologyKey) ?? '') ?? 0);
    }, 0);
};

/** Constraints that may be broken: the fewer pods at a place, the better. Nodes without the label come last. */
export const spreadScore: Score = (pod, cluster) => {
  const constraints = spreadConstraints(pod, 'ScheduleAnyway');
  if (constraints.length === 0) return undefined;
  const spreads = constraints.map((constraint) => {
    const { counts } = spreadOf(constraint, pod, cluster);
    return { topologyKey: constraint.topologyKey, counts, most: Math.max(0, ...counts.values()) };
  });
  return (node) =>
    spreads.reduce((sum, { topologyKey, counts, most }) => {
      return sum - (counts.get(domainOf(node, topologyKey) ?? '') ?? most + 1);
    }, 0);
};

/** Pods of one controller, and guests, each on a node of its own as far as that goes. */
export const groupScore: Score = ({ group }, cluster) => {
  if (group === undefined) return undefined;
  const counts = cluster.group(group);
  return (node) => -(counts.get(node.name) ?? 0);
};

/** The node that would have most left. Of processors and memory each counts as a share of what the node has. */
export const roomScore: Score =
  (pod) =>
  ({ allocatable, usage }) => {
    const free = (resource: 'cpu' | 'memory') => {
      const has = allocatable.get(resource) ?? 0;
      return has === 0 ? 0 : Math.max(0, has - usage.estimated[resource] - estimate(pod, resource)) / has;
    };
    return (free('cpu') + free('memory')) / 2;
  };
