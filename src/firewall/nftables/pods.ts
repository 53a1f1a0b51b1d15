/** Sets that administrators declare for what nodes carry for pods: who sends, and whom it is for. */
import type { NftRunner } from '../../host/nft.ts';
import { addIP, IP_FAMILIES, type IPFamily, lastIP, mustParseCIDR, printIP } from '../../lib/ip.ts';
import { FirewallError, type PodTraffic } from '../backend.ts';
import { ofFamily } from '../ruleset/prefixes.ts';
import { type FoundSet, findSets, podKeyType, readBounds } from './messages.ts';

/** What the prefixes of a set are: of those who send to pods, or of pods. */
type PodRole = 'peers' | 'pods';

export const POD_SETS: Readonly<Record<IPFamily, Readonly<Record<PodRole, string>>>> = {
  IPv4: { peers: 'postern_peers_ipv4', pods: 'postern_pods_ipv4' },
  IPv6: { peers: 'postern_peers_ipv6', pods: 'postern_pods_ipv6' },
};

const ROLES = ['peers', 'pods'] as const;

interface PodSet {
  readonly set: FoundSet;
  readonly family: IPFamily;
  readonly role: PodRole;
}

/** How such a set is to be declared. */
export function podDeclaration(family: IPFamily): string {
  return `type ${family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr'}; flags interval;`;
}

/** Those that there are, in any table. Throws {@link FirewallError} for one that could not hold prefixes. */
export async function findPodSets(): Promise<readonly PodSet[]> {
  const kinds = IP_FAMILIES.flatMap((family) => ROLES.map((role) => ({ family, role, name: POD_SETS[family][role] })));
  const found = await findSets(new Set(kinds.map(({ name }) => name)));
  return found.flatMap((set) => {
    const kind = kinds.find(({ name }) => name === set.name);
    if (kind === undefined) return [];
    const { family, role, name } = kind;
    if (set.keyType !== podKeyType(family)) {
      const wanted = `set ${name} { ${podDeclaration(family)} }`;
      throw new FirewallError(
        `set ${name} of table ${set.family} ${set.table} has keys of another type: declare ${wanted}`,
      );
    }
    return [{ set, family, role }];
  });
}

/** Whether there are any, and all of them hold just this. */
export async function holdPods(sets: readonly PodSet[], traffic: PodTraffic): Promise<boolean> {
  for (const one of sets) {
    const there = new Set(await readBounds(one.set, one.family));
    const ranges = prefixesOf(traffic, one).map(mustParseCIDR);
    const begins = ranges.map(({ base }) => printIP(base));
    const known = new Set([...begins, ...ranges.map((range) => printIP(addIP(lastIP(range), 1))), ZERO[one.family]]);
    if (!begins.every((begin) => there.has(begin)) || ![...there].every((bound) => known.has(bound))) return false;
  }
  return sets.length > 0;
}

/** The kernel is told where what is in no range begins. */
const ZERO: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0', IPv6: '::' };

const prefixesOf = (traffic: PodTraffic | undefined, { role, family }: PodSet): readonly string[] =>
  ofFamily(traffic?.[role] ?? [], family);

/** Makes all of them hold just this, at one moment. Empties them when there is nothing to carry. */
export async function fillPodSets(
  nft: NftRunner,
  sets: readonly PodSet[],
  traffic: PodTraffic | undefined,
): Promise<void> {
  const script = sets.flatMap((one) => {
    const { family, table, name } = one.set;
    const at = `${family} ${spelled(table)} ${name}`;
    const prefixes = prefixesOf(traffic, one);
    const flush = `flush set ${at}\n`;
    return prefixes.length === 0 ? [flush] : [flush, `add element ${at} { ${prefixes.join(', ')} }\n`];
  });
  if (script.length > 0) await nft.run(script.join(''));
}

/** Names of tables come from the kernel, where they may be any text. */
function spelled(table: string): string {
  if (/^[a-zA-Z][\w./\\-]*$/.test(table)) return table;
  throw new FirewallError(`a table with a set of ours has a name that nft cannot spell: ${JSON.stringify(table)}`);
}
