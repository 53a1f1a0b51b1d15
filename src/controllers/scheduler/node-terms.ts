/** Node affinity: which nodes a term means. Pure. */
import type { NodeSelectorTerm } from '../../api/core/v1/pod-placement.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import { matchesLabels, type Requirement } from '../../api/selectors.ts';
import type { Labels } from './facts.ts';

interface NamedNode {
  readonly name: string;
  readonly labels: Labels;
}

/** Whether nodeSelector and the required affinity allow a node. */
export function allowsNode({ nodeSelector = {}, affinity }: PodSpec, node: NamedNode): boolean {
  for (const [key, value] of Object.entries(nodeSelector)) {
    if (!Object.hasOwn(node.labels, key) || node.labels[key] !== value) return false;
  }
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => meansNode(term, node));
}

/** An empty term means no node. */
export function meansNode({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: NamedNode): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchesLabels(matchExpressions.map(requirement), node.labels) &&
    matchesLabels(matchFields.map(requirement), { 'metadata.name': node.name })
  );
}

/** Operators were checked when the pod was written; one that does not exist would match nothing. */
function requirement({
  key,
  operator,
  values = [],
}: NonNullable<NodeSelectorTerm['matchFields']>[number]): Requirement {
  return { key, operator: operator as Requirement['operator'], values };
}
