/** The sets of a guard's tables in the kernel. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Placed } from '../../netfilter/model.ts';
import { type Entry, entryAtoms } from '../nftables/elements.ts';
import { TABLE_FAMILIES } from '../nftables/layout.ts';
import { findSets, type OpenSet } from '../nftables/messages.ts';
import { MAX_WAYS, setsOf } from './layout.ts';
import type { Placing } from './placing.ts';

export interface GuardSet extends Pick<OpenSet, 'set' | 'family' | 'audience'> {
  readonly name: string;
}

/** Names of as many sets as there can be: an earlier run may have told other interfaces apart. */
const KINDS = setsOf(Array.from({ length: MAX_WAYS }, () => []));

/** Those of the tables of a name. Throws NetlinkError. */
export async function findGuardSets(table: string): Promise<readonly GuardSet[]> {
  const found = await findSets(new Set(KINDS.keys()));
  return found.flatMap((set) => {
    const family = IP_FAMILIES.find((one) => TABLE_FAMILIES[one] === set.family);
    const audience = KINDS.get(set.name);
    if (set.table !== table || family === undefined || audience === undefined) return [];
    return [{ set, name: set.name, family, audience }];
  });
}

/** What goes into a family's table together with its layout. */
export function placedIn(family: IPFamily, placing: Placing): readonly Placed[] {
  return [...placing].flatMap(([set, entries]) =>
    entries.filter((one) => one.family === family).map((one) => ({ set, element: { key: entryAtoms(one) } })),
  );
}

/** What belongs into a set. */
export const entriesIn = ({ name, family }: GuardSet, placing: Placing): readonly Entry[] =>
  placing.get(name)?.filter((one) => one.family === family) ?? [];
