/** The replica sets of a deployment: the one of its present template, and those from before. Pure. */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { sameTemplate } from './template.ts';

/** How many pods a set asks for. */
export function sizeOf({ spec }: ReplicaSet): number {
  return spec.replicas ?? 1;
}

/** Available pods of a set, as far as it asks for them: its status may be from before it was made smaller. */
export function availableOf(set: ReplicaSet): number {
  return Math.min(sizeOf(set), set.status?.availableReplicas ?? 0);
}

/** The sum of what each item counts for. */
export function sum<T>(items: readonly T[], amountOf: (item: T) => number): number {
  return items.reduce((total, item) => total + amountOf(item), 0);
}

/** Oldest first. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  return (
    compare(a.metadata.creationTimestamp, b.metadata.creationTimestamp) || compare(a.metadata.name, b.metadata.name)
  );
}

function compare(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The replica sets of a deployment, told apart by its present template. */
export interface Split {
  /** Of the deployment's template; of several the oldest, so that it is always the same. */
  readonly current: ReplicaSet | undefined;
  /** All others, oldest first. */
  readonly old: readonly ReplicaSet[];
}

/** Tells the set of the present template from those of earlier ones. */
export function split({ spec }: Deployment, sets: readonly ReplicaSet[]): Split {
  const sorted = [...sets].sort(byAge);
  const current = sorted.find((set) => sameTemplate(set.spec.template, spec.template));
  return { current, old: sorted.filter((set) => set !== current) };
}
