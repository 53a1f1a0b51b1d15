/** What pods and virtual machines of this node are outside of the cluster: the node. */
import { type CIDR, IP_FAMILIES, type IPFamily, printCIDR, widestCIDRs } from '../../lib/ip.ts';

/** Whose address goes out of the cluster, and where to. */
export interface Egress {
  /** Families whose connections to the outside get the node's address. */
  readonly families: readonly IPFamily[];
  /** Prefixes of this node's pods. */
  readonly podCIDRs: readonly CIDR[];
  /** Where they are known by their own addresses: the whole cluster's pods, and whoever else has a way back to them. */
  readonly inside: readonly CIDR[];
}

const TABLES: Readonly<
  Record<IPFamily, { readonly table: string; readonly ip: 'ip' | 'ip6'; readonly address: string }>
> = {
  IPv4: { table: 'ip postern-egress', ip: 'ip', address: 'ipv4_addr' },
  IPv6: { table: 'ip6 postern-egress', ip: 'ip6', address: 'ipv6_addr' },
};

/** Puts the tables of these families in place, and removes the others, in one transaction. */
export function printEgress(egress: Egress): string {
  const tables = egress.families.map((family) => printTable(family, egress));
  return `${printEgressRemoval()}${tables.join('')}`;
}

/** Removes what is there of it. */
export function printEgressRemoval(): string {
  return IP_FAMILIES.map((family) => TABLES[family].table)
    .map((table) => `table ${table} {}\ndelete table ${table}\n`)
    .join('');
}

/**
 * Decided by where a connection really goes: a Service's address has been translated by then, to an endpoint in the cluster or outside.
 * It comes after the node proxy, which hangs at priority 100.
 */
function printTable(family: IPFamily, { podCIDRs, inside }: Egress): string {
  const { table, ip, address } = TABLES[family];
  const of = (cidrs: readonly CIDR[]) => cidrs.filter(({ base }) => base.family === family);
  const pods = of(podCIDRs);
  if (pods.length === 0) return '';
  return `table ${table} {
  set pods { type ${address}; flags interval; elements = { ${print(pods)} }; }
  set inside { type ${address}; flags interval; elements = { ${print([...pods, ...of(inside)])} }; }
  chain postrouting {
    type nat hook postrouting priority 101; policy accept;
    ${ip} saddr != @pods return
    ${ip} daddr @inside return
    # Drawn ports: two pods that use the same one at once would else get in each other's way.
    masquerade fully-random
  }
}
`;
}

const print = (cidrs: readonly CIDR[]): string => widestCIDRs(cidrs).map(printCIDR).join(', ');
