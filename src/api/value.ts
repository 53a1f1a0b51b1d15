/**
 * Parsed JSON, handled safely. Objects are only ever built with `Object.fromEntries` or a spread, which define own
 * properties, and only ever asked for own properties: a key such as `__proto__` or `constructor` is then data like any
 * other and reaches no prototype.
 */
import { isDeepStrictEqual } from 'node:util';

/** A parsed JSON object. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Deepest nesting that is accepted from clients. The deepest field of any kind is at 15 or so. */
export const MAX_DEPTH = 64;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own property of that name; undefined when there is none. */
export function ownValue(target: Mapping, key: string): unknown {
  return Object.hasOwn(target, key) ? target[key] : undefined;
}

/** Whether two parsed JSON values are the same, whatever the order of their keys. */
export function sameValue(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

/** Whether a value nests deeper than {@link MAX_DEPTH}. Does not recurse further than that itself. */
export function isTooDeep(value: unknown, left: number = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  return Object.values(value).some((child) => isTooDeep(child, left - 1));
}
