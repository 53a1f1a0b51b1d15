/** What is ours in nftables, and what the administrator declares for us: tables and sets by their names. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Concatenation, Match, NamedSet, Statement, Table, TableName, Verdict } from '../../netfilter/model.ts';
import type { Audience } from '../ruleset/model.ts';

/** Our own table of each family. It holds what is open, so that another run finds it, and guards what is to be enforced. */
export const TABLE_NAME = 'postern-firewall';

export const AUDIENCES: readonly Audience[] = ['anyone', 'named'];

/**
 * What an element is for. `open`: it lets in. `guarded`: only who is admitted reaches it, and of the prefixes that it names; `admitted`:
 * who is, by the administrator's rules.
 */
export type Role = 'open' | 'guarded' | 'admitted';

/** A set, by what its elements are for. */
export interface SetKind {
  readonly role: Role;
  readonly audience: Audience;
  readonly name: string;
}

/** The sets of our own table. Those without prefixes are separate: the kernel finds, adds and deletes in them at once, however many. */
export const OWN_SETS: readonly SetKind[] = [
  { role: 'open', audience: 'anyone', name: 'open' },
  { role: 'open', audience: 'named', name: 'open-from' },
  { role: 'guarded', audience: 'anyone', name: 'guarded' },
  { role: 'guarded', audience: 'named', name: 'guarded-for' },
  { role: 'admitted', audience: 'named', name: 'admitted' },
];

/** Sets that an administrator declares in tables of their own, of the families ip, ip6 or inet, for us to fill. */
export const MANAGED_SETS: Readonly<Record<IPFamily, Readonly<Record<Audience, string>>>> = {
  IPv4: { anyone: 'postern_open_ipv4', named: 'postern_open_from_ipv4' },
  IPv6: { anyone: 'postern_open_ipv6', named: 'postern_open_from_ipv6' },
};

/** How such a set is to be declared: destination, protocol, port, and who may come. */
export function declaration(family: IPFamily, audience: Audience): string {
  const address = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
  const key = `type ${address} . inet_proto . inet_service`;
  return audience === 'anyone' ? `${key};` : `${key} . ${address}; flags interval;`;
}

/** The same as data. */
export function openSet(name: string, audience: Audience): NamedSet {
  const types = ['address', 'inet_proto', 'inet_service'] as const;
  return audience === 'anyone'
    ? { name, key: { kind: 'types', types } }
    : { name, key: { kind: 'types', types: [...types, 'address'] }, interval: true };
}

/** `nft` spells them so. */
export const TABLE_FAMILIES: Readonly<Record<IPFamily, TableName['family']>> = { IPv4: 'ip', IPv6: 'ip6' };

export const ownTable = (family: IPFamily): TableName => ({ family: TABLE_FAMILIES[family], name: TABLE_NAME });
export const OWN_TABLES: readonly TableName[] = IP_FAMILIES.map(ownTable);

/**
 * Without elements. No chain opens: what another table drops, no rule of ours could let through. What is guarded is looked at before its
 * destination is translated, each of its packets: who is admitted no more is cut off.
 */
export function ownLayout(family: IPFamily): Table {
  return {
    ...ownTable(family),
    sets: OWN_SETS.map(({ name, audience }) => openSet(name, audience)),
    chains: [
      {
        name: 'check',
        rules: [
          { matches: [inSet([...DESTINATION, { kind: 'saddr' }], 'admitted')], statement: verdict({ kind: 'return' }) },
          { matches: [], statement: verdict({ kind: 'drop' }) },
        ],
      },
      {
        name: 'guard',
        hook: { type: 'filter', hook: 'prerouting', priority: -110 },
        rules: [{ matches: [inSet(DESTINATION, 'guarded')], statement: verdict({ kind: 'jump', chain: 'check' }) }],
      },
    ],
  };
}

const DESTINATION = [{ kind: 'daddr' }, { kind: 'l4proto' }, { kind: 'dport' }] as const;
const inSet = (key: Concatenation, set: string): Match => ({ kind: 'in-set', key, set });
const verdict = (is: Verdict): Statement => ({ kind: 'verdict', verdict: is });

/** The number of rules of each chain: others may have emptied one. */
export const OWN_RULES: ReadonlyMap<string, number> = new Map(
  ownLayout('IPv4').chains.map(({ name, rules }) => [name, rules.length]),
);
