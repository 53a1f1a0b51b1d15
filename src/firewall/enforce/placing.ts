/** What stands in which set for what is enforced. Pure. */
import type { Opening } from '../backend.ts';
import { audienceOf, type Entry } from '../nftables/elements.ts';
import { AUDIENCES } from '../nftables/layout.ts';
import type { Audience } from '../ruleset/model.ts';
import { admittedEntries, guardedEntries } from './entries.ts';
import { admittedSets, GUARDED, GUARDED_FOR } from './layout.ts';
import type { Reading } from './reading.ts';

/** Entries by the name of their set, of both families. */
export type Placing = ReadonlyMap<string, readonly Entry[]>;

const GUARDED_SETS = { anyone: () => GUARDED, named: () => GUARDED_FOR } as const;

/** Of one opening. */
export function placingOf(opening: Opening, reading: Reading): Placing {
  const admitted = admittedEntries(opening, reading).flatMap((entries, way) => split(entries, admittedSets, way));
  return new Map([...split(guardedEntries(opening), GUARDED_SETS, 0), ...admitted]);
}

/** Of all of them. */
export function joined(places: readonly Placing[]): Placing {
  const all = new Map<string, Entry[]>();
  for (const placing of places) {
    for (const [set, entries] of placing) {
      const known = all.get(set);
      if (known === undefined) all.set(set, [...entries]);
      else known.push(...entries);
    }
  }
  return all;
}

/** Those of anyone and those of some prefixes are kept apart: the kernel is much slower with prefixes. */
function split(
  entries: readonly Entry[],
  sets: Readonly<Record<Audience, (way: number) => string>>,
  way: number,
): readonly (readonly [string, readonly Entry[]])[] {
  return AUDIENCES.map((audience) => [sets[audience](way), entries.filter((one) => audienceOf(one) === audience)]);
}
