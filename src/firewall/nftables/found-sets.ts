/** The sets that hold what is open: our own, and those that administrators declare for us. */
import { IP_FAMILIES } from '../../lib/ip.ts';
import { FirewallError } from '../backend.ts';
import { audienceOf, type Entry, entryKey } from './elements.ts';
import { AUDIENCES, declaration, MANAGED_SETS, OWN_SETS, TABLE_FAMILIES, TABLE_NAME } from './layout.ts';
import { type FoundSet, findSets, type OpenSet, openKeyType, readEntries } from './messages.ts';

/** Every set that there can be, but for the table. */
const KINDS = IP_FAMILIES.flatMap((family) =>
  AUDIENCES.flatMap((audience) => [
    { family, audience, name: OWN_SETS[audience], isOwn: true },
    { family, audience, name: MANAGED_SETS[family][audience], isOwn: false },
  ]),
);

const NAMES: ReadonlySet<string> = new Set(KINDS.map(({ name }) => name));

/** How many there are of our own, in both families. */
export const OWN_COUNT = KINDS.filter(({ isOwn }) => isOwn).length;

/** Throws {@link FirewallError} for a set that has our name and could not hold what we put there. */
export async function findOpenSets(): Promise<readonly OpenSet[]> {
  return (await findSets(NAMES)).flatMap(openSets);
}

/** None for a set that only has a name as ours has. */
function openSets(set: FoundSet): readonly OpenSet[] {
  const inOwnTable = set.table === TABLE_NAME;
  const kind = KINDS.find(
    ({ name, family, isOwn }) =>
      name === set.name && isOwn === inOwnTable && (!isOwn || set.family === TABLE_FAMILIES[family]),
  );
  if (kind === undefined) return [];
  const { family, audience, isOwn, name } = kind;
  if (!isOwn && set.keyType !== openKeyType(family, audience)) {
    const wanted = `set ${name} { ${declaration(family, audience)} }`;
    throw new FirewallError(
      `set ${name} of table ${set.family} ${set.table} has keys of another type: declare ${wanted}`,
    );
  }
  return [{ set, family, audience, isOwn }];
}

/** The same for the same sets: changes when one comes, goes, or is made anew. */
export function identity(sets: readonly Pick<OpenSet, 'set'>[]): string {
  const all = sets.map(({ set: { family, table, name, handle } }) => `${family} ${table} ${name} ${handle}`);
  return all.sort().join('\n');
}

/** What of entries belongs into a set. */
export function entriesFor({ family, audience }: OpenSet, entries: readonly Entry[]): readonly Entry[] {
  return entries.filter((one) => one.family === family && audienceOf(one) === audience);
}

/** What stands in all sets of its kind, our own included. */
export async function presentEntries(): Promise<readonly Entry[]> {
  const sets = await findOpenSets();
  const present: Entry[] = [];
  for (const own of sets.filter(({ isOwn }) => isOwn)) {
    let common = await readEntries(own);
    for (const other of sets) {
      if (other.isOwn) continue;
      if (other.family !== own.family || other.audience !== own.audience) continue;
      const there = new Set((await readEntries(other)).map(entryKey));
      common = common.filter((entry) => there.has(entryKey(entry)));
    }
    present.push(...common);
  }
  return present;
}
