/**
 * Required affinity between pods. Pure.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
import type { ClusterView } from '../cluster.ts';
import { countByDomain, domainOf } from '../domains.ts';
import type { NodeView } from '../node-view.ts';
import { refusal } from '../refusal.ts';
import { isMeant, type Term, termOf } from '../terms.ts';
import type { Filter } from './filter.ts';

/** Pods that a pod wants near it. */
export const podAffinityFilter: Filter = (pod, cluster, { namespacesOf }) => {
  const wanted = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (wanted.length === 0) return undefined;
  const terms = wanted.map((term) => inhabited(termOf(term, pod, namespacesOf), cluster));
  // The first of pods that want to be near each other has nobody to be near.
  const isFirst = terms.every(({ places, term }) => places.size === 0 && isMeant(term, pod));
  return (node) => {
    const fits = terms.every(({ term: { topologyKey }, places }) => {
      const place = domainOf(node, topologyKey);
      return place !== undefined && (isFirst || places.has(place));
    });
    return fits ? undefined : refusal('pods', "node(s) didn't match pod affinity rules");
  };
};

/** Pods that a pod does not want near it. */
export const podAntiAffinityFilter: Filter = (pod, cluster, { namespacesOf }) => {
  if (pod.exclusions.length === 0) return undefined;
  const terms = pod.exclusions.map((term) => inhabited(termOf(term, pod, namespacesOf), cluster));
  return (node) => (isIn(node, terms) ? refusal('pods', "node(s) didn't match pod anti-affinity rules") : undefined);
};

/** Pods that do not want this one near them. */
export const exclusionFilter: Filter = (pod, cluster, { namespacesOf }) => {
  const terms = [...cluster.exclusions()].flatMap(({ term, of, nodes }) => {
    const meant = termOf(term, of, namespacesOf);
    return isMeant(meant, pod) ? [{ term: meant, places: places(meant, cluster, nodes) }] : [];
  });
  if (terms.length === 0) return undefined;
  return (node) =>
    isIn(node, terms) ? refusal('pods', "node(s) didn't satisfy existing pods anti-affinity rules") : undefined;
};

interface Inhabited {
  readonly term: Term;
  /** Where such pods are. */
  readonly places: ReadonlySet<string>;
}

function inhabited(term: Term, cluster: ClusterView): Inhabited {
  return { term, places: places(term, cluster, cluster.tally({ matcher: term, ending: true })) };
}

function places({ topologyKey }: Term, cluster: ClusterView, nodes: ReadonlyMap<string, number>): Set<string> {
  if (nodes.size === 0) return new Set();
  const counts = countByDomain(cluster.nodes(), topologyKey, nodes);
  return new Set([...counts].filter(([, count]) => count > 0).map(([place]) => place));
}

function isIn(node: NodeView, terms: readonly Inhabited[]): boolean {
  return terms.some(({ term, places }) => {
    const place = domainOf(node, term.topologyKey);
    return place !== undefined && places.has(place);
  });
}
