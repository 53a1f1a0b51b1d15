/** Why nodes do not take a pod, in the words of Kubernetes' scheduler. Pure. */

/** What has to change before it may fit: something of the node, what pods take of it, or which pods there are. */
export type Hindrance = 'node' | 'room' | 'pods';

/** One node's. */
export interface Refusal {
  readonly hindrance: Hindrance;
  /** Each counts by itself, as of resources that are short. */
  readonly reasons: readonly string[];
}

/** A refusal with its reasons. */
export function refusal(hindrance: Hindrance, ...reasons: readonly string[]): Refusal {
  return { hindrance, reasons };
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export function printRefusals(refusals: readonly Refusal[], nodes: number): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const reason of refusals.flatMap(({ reasons }) => reasons)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${texts.join(', ')}.`;
}
