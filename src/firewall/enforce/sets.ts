/** The sets of a guard's tables in the kernel. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Placed } from '../../netfilter/model.ts';
import { type Entry, entryAtoms, entryKey } from '../nftables/elements.ts';
import { TABLE_FAMILIES } from '../nftables/layout.ts';
import { entryMessages, findSets, type OpenSet, readEntries } from '../nftables/messages.ts';
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

/** The messages that make a set hold just what of these belongs there; none where it does. Throws NetlinkError. */
export async function fillMessages(set: GuardSet, placing: Placing): Promise<readonly Uint8Array[]> {
  const wanted = entriesOf(set, placing);
  const there = await readEntries(set);
  const [isWanted, isThere] = [new Set(wanted.map(entryKey)), new Set(there.map(entryKey))];
  const gone = there.filter((one) => !isWanted.has(entryKey(one)));
  const come = wanted.filter((one) => !isThere.has(entryKey(one)));
  return [...entryMessages('delete', set.set, gone), ...entryMessages('add', set.set, come)];
}

/** The messages that take some away and put others there. */
export function changeMessages(set: GuardSet, gone: Placing, come: Placing): readonly Uint8Array[] {
  return [
    ...entryMessages('delete', set.set, entriesOf(set, gone)),
    ...entryMessages('add', set.set, entriesOf(set, come)),
  ];
}

/** What goes into a family's table together with its layout. */
export function placedIn(family: IPFamily, placing: Placing): readonly Placed[] {
  return [...placing].flatMap(([set, entries]) =>
    entries.filter((one) => one.family === family).map((one) => ({ set, element: { key: entryAtoms(one) } })),
  );
}

const entriesOf = ({ name, family }: GuardSet, placing: Placing): readonly Entry[] =>
  placing.get(name)?.filter((one) => one.family === family) ?? [];
