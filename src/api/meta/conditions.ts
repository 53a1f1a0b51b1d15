/** Conditions of objects: reading one, and setting one so that its transition time tells when its status changed. */
import { printTime } from '../time.ts';
import type { Condition } from './v1.ts';

type Conditions = readonly Condition[] | undefined;

/** The condition of that type; undefined when it is not there. */
export function findCondition<C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is there with status True. */
export function isTrue(conditions: Conditions, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * The conditions with this one added or replaced. `lastTransitionTime` stays unless the status changes; the very same
 * list comes back when nothing changes. `now` is wall-clock milliseconds.
 */
export function withCondition(
  conditions: Conditions,
  wanted: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>,
  now: number,
): readonly Condition[] {
  const current = findCondition(conditions, wanted.type);
  const same = current?.status === wanted.status;
  if (current && same && current.reason === wanted.reason && current.message === wanted.message) {
    return conditions ?? [];
  }
  const since = same ? current?.lastTransitionTime : undefined;
  const next = { ...wanted, lastTransitionTime: since ?? printTime(now) };
  return [...(conditions ?? []).filter((other) => other.type !== wanted.type), next];
}

/** The conditions without this one; the very same list when it is not there. */
export function withoutCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] {
  if (findCondition(conditions, type) === undefined) return conditions ?? [];
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/** The same for several conditions at once. */
export function withConditions(
  conditions: Conditions,
  wanted: readonly Parameters<typeof withCondition>[1][],
  now: number,
): readonly Condition[] {
  return wanted.reduce((all, condition) => withCondition(all, condition, now), conditions ?? []);
}
