/** What is ours in nftables, and what the administrator declares for us: tables and sets by their names. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { NamedSet, Table, TableName } from '../../netfilter/model.ts';
import type { Audience } from '../ruleset/model.ts';

/** Our own table of each family. It holds what is open, so that another run finds it. */
export const TABLE_NAME = 'postern-firewall';

export const AUDIENCES: readonly Audience[] = ['anyone', 'named'];

/** The sets of our own table. Those without prefixes are separate: the kernel finds, adds and deletes in them at once, however many. */
export const OWN_SETS: Readonly<Record<Audience, string>> = { anyone: 'open', named: 'open-from' };

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

const ownTable = (family: IPFamily): TableName => ({ family: TABLE_FAMILIES[family], name: TABLE_NAME });
export const OWN_TABLES: readonly TableName[] = IP_FAMILIES.map(ownTable);

/** Without elements, and without chains: what another table drops, no rule of ours could let through. */
export function ownLayout(family: IPFamily): Table {
  const sets = AUDIENCES.map((audience) => openSet(OWN_SETS[audience], audience));
  return { ...ownTable(family), sets, chains: [] };
}
