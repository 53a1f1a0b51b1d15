/** Places of nodes: all nodes with the same value of a label are one. Pure. */
import type { NodeView } from './node-view.ts';
import type { Counts } from './tallies.ts';

/** The value of a node's label; undefined when it has none. */
export function domainOf(node: NodeView, topologyKey: string): string | undefined {
  return Object.hasOwn(node.labels, topologyKey) ? node.labels[topologyKey] : undefined;
}

/** Counts of nodes, summed up by place. With nothing on any of its nodes a place counts 0. */
export function countByDomain(nodes: readonly NodeView[], topologyKey: string, counts: Counts): Map<string, number> {
  const sums = new Map<string, number>();
  for (const node of nodes) {
    const domain = domainOf(node, topologyKey);
    if (domain !== undefined) sums.set(domain, (sums.get(domain) ?? 0) + (counts.get(node.name) ?? 0));
  }
  return sums;
}
