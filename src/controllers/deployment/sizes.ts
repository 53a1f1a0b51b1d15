/** How many pods each replica set of a deployment is to ask for next. Pure. Follows Kubernetes' deployment controller. */
import type { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import type { Limits } from './limits.ts';
import { isOutdated, maxReplicasOf } from './revision.ts';
import { availableOf, byAge, type Split, sizeOf, sum } from './sets.ts';

/** By the name of the set; those that are missing stay as they are. */
export type Sizes = ReadonlyMap<string, number>;

/**
 * One step of a rolling update: pods of the new template as far as there may be more, and fewer old ones as far as enough
 * are available. Old ones that do not serve go first, whatever set they are of.
 */
export function rollingSizes(current: ReplicaSet, old: readonly ReplicaSet[], limits: Limits): Sizes {
  const { replicas, maxSurge, maxUnavailable } = limits;
  const room = replicas + maxSurge - sum(old, podsOf);
  const next = grown(current, replicas, room);
  const minAvailable = replicas - maxUnavailable;
  const unavailable = Math.max(0, next - availableOf(current));
  const removable = next + sum(old, sizeOf) - minAvailable - unavailable;
  const spare = sum([current, ...old], availableOf) - minAvailable;
  return new Map([[nameOf(current), next], ...(removable > 0 ? shrunk(old, removable, spare) : [])]);
}

/** The size of a set that is to have so many pods, where all sets together leave it room for no more than `room`. */
function grown(set: ReplicaSet, replicas: number, room: number): number {
  const size = sizeOf(set);
  if (replicas <= size) return replicas;
  return Math.max(size, Math.min(replicas, size + room - podsOf(set)));
}

/** The sizes of old sets without `removable` pods that do not serve, and then without `spare` of those that do. */
function shrunk(old: readonly ReplicaSet[], removable: number, spare: number): readonly [string, number][] {
  let useless = removable;
  let useful = Math.max(0, spare);
  const serving = old.map((set): [ReplicaSet, number] => {
    const less = Math.min(useless, sizeOf(set) - availableOf(set));
    useless -= less;
    return [set, sizeOf(set) - less];
  });
  return serving.map(([set, size]) => {
    const less = Math.min(useful, size);
    useful -= less;
    return [nameOf(set), size - less];
  });
}

/** All old pods go before there is a new one. `oldPods` tells whether any are left, those on their way out included. */
export function recreateSizes({ current, old }: Split, replicas: number, oldPods: boolean): Sizes {
  const sizes = new Map(old.map((set) => [nameOf(set), 0]));
  if (current !== undefined && !oldPods && sum(old, sizeOf) === 0) sizes.set(nameOf(current), replicas);
  return sizes;
}

/**
 * What becomes of the sets when another number of pods is wanted, or the rollout stands still: each gets its share, so that
 * what was tried out on some of the pods stays on as large a part of them.
 */
export function proportionalSizes({ current, old }: Split, limits: Limits, wasWanted: number): Sizes {
  const { replicas, maxSurge } = limits;
  const all = [...(current === undefined ? [] : [current]), ...old];
  const active = all.filter((set) => sizeOf(set) > 0);
  const only = active.length > 1 ? undefined : (active[0] ?? current ?? old.at(-1));
  if (only !== undefined) {
    const others = all.filter((set) => set !== only);
    return new Map([[nameOf(only), grown(only, replicas, replicas + maxSurge - sum(others, podsOf))]]);
  }
  if (current !== undefined && isSaturated(current, replicas)) return new Map(old.map((set) => [nameOf(set), 0]));
  const allowed = replicas > 0 ? replicas + maxSurge : 0;
  const more = Math.max(0, allowed - sum(all, podsOf));
  const toAdd = Math.min(more, allowed - sum(active, sizeOf));
  return shares(active, { allowed, toAdd, wasAllowed: (set) => maxReplicasOf(set) ?? wasWanted });
}

/** Whether a set has all pods of the deployment, not by chance, and they serve. */
function isSaturated(set: ReplicaSet, replicas: number): boolean {
  return sizeOf(set) === replicas && availableOf(set) === replicas && !isOutdated(set, replicas);
}

/** Pods that a set has, or will have: one that was just made smaller may have its pods still. */
function podsOf(set: ReplicaSet): number {
  return Math.max(sizeOf(set), set.status?.replicas ?? 0);
}

interface Shares {
  readonly allowed: number;
  /** How many more there are to be; fewer when it is negative. */
  readonly toAdd: number;
  /** How many there might be in all when the set was last sized. */
  readonly wasAllowed: (set: ReplicaSet) => number;
}

/** The largest set takes what rounding leaves; of equals the newest when there are to be more, the oldest when fewer. */
function shares(active: readonly ReplicaSet[], { allowed, toAdd, wasAllowed }: Shares): Sizes {
  const sorted = [...active].sort((a, b) => sizeOf(b) - sizeOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  const sizes = new Map<string, number>();
  let added = 0;
  for (const set of sorted) {
    const before = wasAllowed(set);
    const whole = allowed === 0 || before === 0 ? 0 : Math.round((sizeOf(set) * allowed) / before);
    const share = whole - sizeOf(set);
    const left = toAdd - added;
    const part = toAdd > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left));
    added += part;
    sizes.set(nameOf(set), sizeOf(set) + part);
  }
  const [largest] = sorted;
  if (largest !== undefined) {
    const name = nameOf(largest);
    sizes.set(name, Math.max(0, (sizes.get(name) ?? 0) + toAdd - added));
  }
  return sizes;
}

function nameOf({ metadata }: ReplicaSet): string {
  return metadata.name ?? '';
}
