/** How many pods to make, and which to delete. Pure. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { isActive } from '../pods.ts';
import { byWorth } from './rank.ts';

/** Pods made, or deleted, before the set is looked at again: Kubernetes' burst. */
export const BURST = 500;

/** The pods that are to be made and deleted. */
export interface Plan {
  /** How many to make. */
  readonly create: number;
  /** Too many, those that are missed least first. */
  readonly remove: readonly Pod[];
}

/** What brings a set's pods to the number that is wanted. `related` are the pods that serve together with them. */
export function planOf(replicas: number, pods: readonly Pod[], related: () => readonly Pod[]): Plan {
  const active = pods.filter(isActive);
  const excess = Math.min(BURST, active.length - replicas);
  if (excess > 0) return { create: 0, remove: byWorth(active, related()).slice(0, excess) };
  return { create: Math.min(BURST, replicas - active.length), remove: [] };
}
