/** nodeSelector and the required part of node affinity. Pure. */
import { allowsNode } from '../node-terms.ts';
import { refusal } from '../refusal.ts';
import type { Filter } from './filter.ts';

/** Nodes that the pod's nodeSelector and required node affinity mean. */
export const nodeAffinityFilter: Filter = ({ spec }) => {
  if (spec.nodeSelector === undefined && spec.affinity?.nodeAffinity === undefined) return undefined;
  return (node) =>
    allowsNode(spec, node) ? undefined : refusal('node', "node(s) didn't match Pod's node affinity/selector");
};
