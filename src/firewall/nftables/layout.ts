/** What is ours in nftables, and what the administrator declares for us: tables and sets by their names. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { NamedSet, Table, TableName } from '../../netfilter/model.ts';

/** Our own table of each family. It holds what is open, so that another run finds it. */
export const TABLE_NAME = 'postern-firewall';

/** The set of our own table. */
export const OPEN = 'open';

/** Sets that an administrator declares in tables of their own, of the families ip, ip6 or inet, for us to fill. */
export const MANAGED_SETS: Readonly<Record<IPFamily, string>> = {
  IPv4: 'postern_open_ipv4',
  IPv6: 'postern_open_ipv6',
};

/** How such a set is to be declared: destination, protocol, port, and who may come. */
export const DECLARATION: Readonly<Record<IPFamily, string>> = {
  IPv4: 'type ipv4_addr . inet_proto . inet_service . ipv4_addr; flags interval',
  IPv6: 'type ipv6_addr . inet_proto . inet_service . ipv6_addr; flags interval',
};

/** The same as data. */
export function openSet(name: string): NamedSet {
  return { name, key: { kind: 'types', types: ['address', 'inet_proto', 'inet_service', 'address'] }, interval: true };
}

/** `nft` spells them so. */
export const TABLE_FAMILIES: Readonly<Record<IPFamily, TableName['family']>> = { IPv4: 'ip', IPv6: 'ip6' };

export const ownTable = (family: IPFamily): TableName => ({ family: TABLE_FAMILIES[family], name: TABLE_NAME });
export const OWN_TABLES: readonly TableName[] = IP_FAMILIES.map(ownTable);

/** Without elements. No chain is needed: what another table drops, no rule of ours could let through. */
export function ownLayout(family: IPFamily): Table {
  return { ...ownTable(family), sets: [openSet(OPEN)], chains: [] };
}
