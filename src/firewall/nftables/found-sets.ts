/** The sets that hold what is open: our own of each family, and those that administrators declare for us. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { FirewallError } from '../backend.ts';
import { type Entry, entryKey } from './elements.ts';
import { DECLARATION, MANAGED_SETS, OPEN, TABLE_FAMILIES, TABLE_NAME } from './layout.ts';
import { entryMessages, type FoundSet, findSets, openKeyType, readEntries } from './messages.ts';

/** Of one family, our own set first where it is there. */
export type OpenSets = Readonly<Record<IPFamily, readonly FoundSet[]>>;

const NAMES: ReadonlySet<string> = new Set([OPEN, ...IP_FAMILIES.map((family) => MANAGED_SETS[family])]);

/** Throws {@link FirewallError} for a set that has our name and could not hold what we put there. */
export async function findOpenSets(): Promise<OpenSets> {
  const all = await findSets(NAMES);
  const ofFamily = (family: IPFamily) => {
    const own = all.filter((set) => isOwn(set) && set.family === TABLE_FAMILIES[family]);
    const managed = all.filter(({ name, table }) => name === MANAGED_SETS[family] && table !== TABLE_NAME);
    for (const set of managed) requireDeclaration(set, family);
    return [...own, ...managed];
  };
  return { IPv4: ofFamily('IPv4'), IPv6: ofFamily('IPv6') };
}

export const isOwn = ({ table, name }: FoundSet): boolean => table === TABLE_NAME && name === OPEN;

/** The same for the same sets: changes when one comes, goes, or is made anew. */
export function identity(sets: OpenSets): string {
  const all = IP_FAMILIES.flatMap((family) => sets[family]);
  return all
    .map(({ family, table, name, handle }) => `${family} ${table} ${name} ${handle}`)
    .sort()
    .join('\n');
}

function requireDeclaration({ family, table, name, keyType }: FoundSet, wanted: IPFamily): void {
  if (keyType === openKeyType(wanted)) return;
  throw new FirewallError(
    `set ${name} of table ${family} ${table} has keys of another type: declare it as { ${DECLARATION[wanted]}; }`,
  );
}

/** The messages that make a set hold just these; none where it does. */
export async function fillMessages(set: FoundSet, family: IPFamily, wanted: readonly Entry[]): Promise<Uint8Array[]> {
  const there = await readEntries(set, family);
  const [isWanted, isThere] = [new Set(wanted.map(entryKey)), new Set(there.map(entryKey))];
  const removed = there.filter((one) => !isWanted.has(entryKey(one)));
  const added = wanted.filter((one) => !isThere.has(entryKey(one)));
  return [...entryMessages('delete', set, removed), ...entryMessages('add', set, added)];
}
