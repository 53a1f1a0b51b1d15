/** How many pods a rolling update may add, and may take away, at a time. Pure. */
import type { Deployment } from '../../api/apps/v1/deployment.ts';

/** How many pods there may be, and how many must be available. */
export interface Limits {
  readonly replicas: number;
  /** Pods that may be too many. */
  readonly maxSurge: number;
  /** Available pods that may be missing. */
  readonly maxUnavailable: number;
}

/**
 * A percentage of pods to add is rounded up, one of pods to take away down: less may be missing than said, never more. Where
 * that leaves nothing to do a step with, one may be missing.
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
 */
export function limitsOf({ spec }: Deployment): Limits {
  const replicas = spec.replicas ?? 1;
  if (spec.strategy?.type === 'Recreate') return { replicas, maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {};
  const surge = partOf(maxSurge, replicas, Math.ceil);
  const missing = partOf(maxUnavailable, replicas, Math.floor);
  return {
    replicas,
    maxSurge: surge,
    maxUnavailable: Math.min(replicas, surge === 0 && missing === 0 ? 1 : missing),
  };
}

function partOf(value: number | string, whole: number, round: (share: number) => number): number {
  if (typeof value === 'number') return value;
  return round((Number.parseInt(value, 10) * whole) / 100);
}
