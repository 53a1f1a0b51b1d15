/**
 * Endpoints as numbers that fit the scratch register: the same endpoint has the same number in every frontend and after
 * every restart, so that what is remembered by it holds for long.
 */
import { SCRATCH } from '../../netfilter/model.ts';
import { type Endpoint, endpointKey } from '../forwarding.ts';

const COUNT = SCRATCH.last - SCRATCH.first + 1;

/** One number for each endpoint, no two the same. None is there twice. */
export function endpointNumbers(endpoints: readonly Endpoint[]): readonly number[] {
  const keys = endpoints.map(endpointKey);
  const numbers = keys.map(hash);
  return new Set(numbers).size === numbers.length ? numbers : apart(keys);
}

/** Where two have the same, which is rare, one takes the next: the one whose text comes later, whatever its slot. */
function apart(keys: readonly string[]): readonly number[] {
  const taken = new Set<number>();
  const byKey = new Map<string, number>();
  for (const key of [...keys].sort()) {
    let number = hash(key);
    while (taken.has(number)) number = SCRATCH.first + ((number + 1 - SCRATCH.first) % COUNT);
    taken.add(number);
    byKey.set(key, number);
  }
  return keys.map((key) => byKey.get(key) ?? SCRATCH.first);
}

/** FNV-1a, with its upper bits folded in: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return SCRATCH.first + (((value ^ (value >>> 28)) >>> 0) % COUNT);
}
