/** Terms of affinity between pods, as something that says of a pod whether it is meant. Pure. */
import type { PodAffinityTerm } from '../../api/core/v1/pod-placement.ts';
import type { LabelSelector } from '../../api/meta/v1.ts';
import { matchesLabels, type Selector, selectorOf } from '../../api/selectors.ts';
import type { Labels, PodFacts } from './facts.ts';

/** Which pods are meant. */
export interface PodMatcher {
  /** Same text, same pods. */
  readonly text: string;
  /** Sorted; undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  /** Undefined: nothing. */
  readonly selector: Selector | undefined;
}

export interface Term extends PodMatcher {
  /** The label of nodes that says which of them are one place. */
  readonly topologyKey: string;
}

/** The namespaces that a selector of namespaces means now. */
export type NamespacesOf = (selector: LabelSelector) => readonly string[];

/** A term that a pod has, in its namespace. */
export function termOf(term: PodAffinityTerm, of: PodFacts, namespacesOf: NamespacesOf): Term {
  const { labelSelector, matchLabelKeys, mismatchLabelKeys, topologyKey } = term;
  const selector = selectorWith(labelSelector, of.labels, matchLabelKeys, mismatchLabelKeys);
  return { ...podMatcher(selector, namespaces(term, of.namespace, namespacesOf)), topologyKey };
}

/** The pods that a selector means in some namespaces: without a selector none, without namespaces those of all. */
export function podMatcher(selector: Selector | undefined, namespaces: readonly string[] | undefined): PodMatcher {
  return { text: JSON.stringify([namespaces, selector]), namespaces, selector };
}

/** A selector together with what the labels named in `matchLabelKeys` are on the pod itself. Undefined selects nothing. */
export function selectorWith(
  selector: LabelSelector | undefined,
  labels: Labels,
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
): Selector | undefined {
  if (selector === undefined) return undefined;
  const own = (keys: readonly string[], operator: 'In' | 'NotIn') =>
    keys.flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  return [...selectorOf(selector), ...own(match, 'In'), ...own(mismatch, 'NotIn')];
}

/** Whether a matcher means the pod. */
export function isMeant({ namespaces, selector }: PodMatcher, pod: Pick<PodFacts, 'namespace' | 'labels'>): boolean {
  if (selector === undefined || (namespaces !== undefined && !namespaces.includes(pod.namespace))) return false;
  return matchesLabels(selector, pod.labels);
}

/** Those named and those selected; with neither, the pod's own. */
function namespaces(
  { namespaces = [], namespaceSelector }: PodAffinityTerm,
  own: string,
  namespacesOf: NamespacesOf,
): readonly string[] | undefined {
  if (namespaceSelector === undefined) return namespaces.length > 0 ? [...namespaces].sort() : [own];
  const { matchLabels = {}, matchExpressions = [] } = namespaceSelector;
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return undefined;
  return [...new Set([...namespaces, ...namespacesOf(namespaceSelector)])].sort();
}
