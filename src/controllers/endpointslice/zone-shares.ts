/** How the cluster's CPU is spread over its zones. Pure. Follows Kubernetes' topology cache. */
import type { Node } from '../../api/core/v1/node.ts';
import { isTrue } from '../../api/meta/conditions.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { ZONE_LABEL } from './pod-endpoint.ts';

/** Nodes with one of these labels run no ordinary pods, so they do not count. */
const EXCLUDED_LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** The share of each zone, of 1 in all; or why there is nothing to be shared out, in Kubernetes' words. */
export type ZoneShares =
  | { readonly kind: 'shares'; readonly of: ReadonlyMap<string, number> }
  | { readonly kind: 'none'; readonly why: string };

/** The shares of at least two zones of ready nodes. One node that does not tell its zone and CPU spoils all. */
export function zoneShares(nodes: readonly Node[]): ZoneShares {
  const cpus = new Map<string, number>();
  for (const capacity of nodes.map(nodeCapacity)) {
    if (capacity === undefined) continue;
    const { zone, cpu } = capacity;
    if (zone === '' || cpu <= 0) {
      const why = 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
      return { kind: 'none', why };
    }
    cpus.set(zone, (cpus.get(zone) ?? 0) + cpu);
  }
  if (cpus.size < 2) return { kind: 'none', why: 'Nodes only ready in one zone' };
  const total = [...cpus.values()].reduce((sum, cpu) => sum + cpu, 0);
  const shares = [...cpus].map(([zone, cpu]) => [zone, cpu / total] as const);
  return { kind: 'shares', of: new Map(shares.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** What a node adds to its zone, zone '' and cpu 0 when it does not tell; undefined when it does not count. */
export function nodeCapacity(node: Node): { readonly zone: string; readonly cpu: number } | undefined {
  const { labels = {} } = node.metadata;
  if (EXCLUDED_LABELS.some((label) => Object.hasOwn(labels, label))) return undefined;
  if (!isTrue(node.status?.conditions, 'Ready')) return undefined;
  return { zone: labels[ZONE_LABEL] ?? '', cpu: parseQuantity(node.status?.allocatable?.['cpu'] ?? 0) ?? 0 };
}
