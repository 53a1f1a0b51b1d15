/**
 * Who may send packets within packets, and from which addresses: VXLAN itself believes anybody (RFC 7348 section 7). One table of
 * nftables; its rules are constant in number, and a node is an element of a set for each of its prefixes.
 */
import { type CIDR, IP_FAMILIES, type IPFamily, ipBytes, lastIP, mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import { BRIDGE } from '../bridge.ts';
import type { Tunnel } from '../routes/desired.ts';
import { VNI, VXLAN_DEVICES } from './vtep.ts';

const TABLE = 'inet postern-vxlan';

interface FamilyTerms {
  readonly ip: 'ip' | 'ip6';
  readonly etherType: string;
  /** Where the inner packet's source address is: bits from the outer UDP header, and its length. Ethernet begins at 128. */
  readonly innerSource: string;
  readonly short: '4' | '6';
}

const TERMS: Readonly<Record<IPFamily, FamilyTerms>> = {
  IPv4: { ip: 'ip', etherType: '0x0800', innerSource: '@th,336,32', short: '4' },
  IPv6: { ip: 'ip6', etherType: '0x86dd', innerSource: '@th,304,128', short: '6' },
};

const PAIRS = IP_FAMILIES.flatMap((outer) => IP_FAMILIES.map((inner) => ({ outer, inner })));

const sourcesOf = (inner: IPFamily, outer: IPFamily): string => `sources_${TERMS[inner].short}in${TERMS[outer].short}`;
const peersOf = (outer: IPFamily): string => `peers_${TERMS[outer].short}`;

/**
 * The whole table, anew. Of our network's packets at the port, those are let in that a node sends from a prefix of its own pods.
 * Pods and guests cannot send such packets to nodes: they would come with this node's own address (masquerade). Connections
 * are told how long packets through a device can be, for those who were plugged in when they could be longer. In pieces: nodes may be many.
 */
export function* printVxlanRules(port: number, tunnels: readonly Tunnel[]): Iterable<string> {
  yield printTable(port);
  for (const tunnel of tunnels) for (const line of elementsOf(tunnel)) yield `add ${line}\n`;
}

function printTable(port: number): string {
  const devices = Object.values(VXLAN_DEVICES)
    .map((name) => `"${name}"`)
    .join(', ');
  return `${printVxlanRemoval()}table ${TABLE} {
${PAIRS.map(({ inner, outer }) => `  set ${sourcesOf(inner, outer)} { typeof ${TERMS[outer].ip} saddr . ${TERMS[inner].innerSource}; flags interval; }\n`).join('')}\
${IP_FAMILIES.map((outer) => `  set ${peersOf(outer)} { typeof ${TERMS[outer].ip} saddr; }\n`).join('')}\
  chain input {
    type filter hook input priority filter; policy accept;
    udp dport ${port} @th,96,24 ${VNI} jump encapsulated
  }
  chain encapsulated {
${PAIRS.map(({ inner, outer }) => `    @th,224,16 ${TERMS[inner].etherType} ${TERMS[outer].ip} saddr . ${TERMS[inner].innerSource} @${sourcesOf(inner, outer)} accept\n`).join('')}\
    drop
  }
  chain forward {
    type filter hook forward priority mangle; policy accept;
${IP_FAMILIES.map((outer) => `    iifname "${BRIDGE}" udp dport ${port} ${TERMS[outer].ip} daddr @${peersOf(outer)} drop\n`).join('')}\
    oifname { ${devices} } tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
  }
}
`;
}

/** What changes when a node's far end does; either may be none. */
export function printVxlanChange(before: Tunnel | undefined, after: Tunnel | undefined): string {
  const old = before === undefined ? [] : elementsOf(before);
  const next = after === undefined ? [] : elementsOf(after);
  return [
    ...old.filter((line) => !next.includes(line)).map((line) => `delete ${line}\n`),
    ...next.filter((line) => !old.includes(line)).map((line) => `add ${line}\n`),
  ].join('');
}

/** Removes the table, if it is there. */
export function printVxlanRemoval(): string {
  return `table ${TABLE} {}\ndelete table ${TABLE}\n`;
}

function elementsOf({ address, prefixes }: Tunnel): readonly string[] {
  const outer = mustParseIP(address).family;
  return [
    `element ${TABLE} ${peersOf(outer)} { ${address} }`,
    ...prefixes.map(mustParseCIDR).map((cidr) => {
      return `element ${TABLE} ${sourcesOf(cidr.base.family, outer)} { ${address} . ${range(cidr)} }`;
    }),
  ];
}

/** As numbers: what is compared is bytes of the packet, which have no type. */
const range = (cidr: CIDR): string =>
  [cidr.base, lastIP(cidr)].map((ip) => `0x${Buffer.from(ipBytes(ip)).toString('hex')}`).join('-');
