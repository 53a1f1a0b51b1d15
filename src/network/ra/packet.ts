/** Router advertisements: RFC 4861 section 4.2, with the DNS options of RFC 8106. */
import { type CIDR, type IPAddress, ipBytes, mustParseIP } from '../../lib/ip.ts';

export interface RouterAdvertisement {
  /** The router's MAC and its link-local address. */
  readonly mac: Uint8Array;
  readonly source: IPAddress;
  /** Guests form addresses in it, and reach all of it through the router: RFC 4861 section 6.3.4. */
  readonly prefix: CIDR;
  readonly dnsServer: IPAddress;
  readonly searchDomains: readonly string[];
  /** Seconds for which the router and its DNS server may be used without news of them. */
  readonly lifetime: number;
  /** Bytes that packets on the link may have; undefined: as is usual on such a link. */
  readonly mtu?: number | undefined;
}

export const ALL_NODES = mustParseIP('ff02::1');
/** The MAC that goes with it: RFC 2464 section 7. */
export const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

const ETHER_HEADER = 14;
const IPV6_HEADER = 40;
const IPPROTO_ICMPV6 = 58;
const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
/** No router passes it on: proof that a packet is a neighbour's. */
const HOP_LIMIT = 255;
/** Addresses and the rest by DHCPv6 too, for guests that form other addresses than of their MAC. */
const MANAGED_AND_OTHER = 0xc0;
const AUTONOMOUS = 0x40;
const FOREVER = [0xff, 0xff, 0xff, 0xff];

/** The whole Ethernet frame, to one guest or to all. */
export function encodeRouterAdvertisement(advertisement: RouterAdvertisement, to: Uint8Array): Uint8Array {
  const { mac, source } = advertisement;
  const message = encodeMessage(advertisement);
  const packet = Uint8Array.from([
    ...[0x60, 0, 0, 0, ...u16(message.length), IPPROTO_ICMPV6, HOP_LIMIT],
    ...ipBytes(source),
    ...ipBytes(ALL_NODES),
    ...message,
  ]);
  packet.set(u16(checksum(packet)), IPV6_HEADER + 2);
  return Uint8Array.from([...to, ...mac, 0x86, 0xdd, ...packet]);
}

function encodeMessage(advertisement: RouterAdvertisement): readonly number[] {
  const { mac, prefix, dnsServer, searchDomains, lifetime, mtu } = advertisement;
  return [
    ...[ROUTER_ADVERTISEMENT, 0, 0, 0, 64, MANAGED_AND_OTHER, ...u16(lifetime), 0, 0, 0, 0, 0, 0, 0, 0],
    ...option(1, [...mac]),
    ...(mtu === undefined ? [] : option(5, [0, 0, 0, 0, ...u16(mtu)])),
    ...option(3, [prefix.prefix, AUTONOMOUS, ...FOREVER, ...FOREVER, 0, 0, 0, 0, ...ipBytes(prefix.base)]),
    ...option(25, [0, 0, 0, 0, ...u16(lifetime), ...ipBytes(dnsServer)]),
    ...option(31, [0, 0, 0, 0, ...u16(lifetime), ...searchDomains.flatMap(encodeName)]),
  ];
}

/** An option's length is in units of 8 bytes. */
function option(type: number, value: readonly number[]): readonly number[] {
  const units = Math.ceil((value.length + 2) / 8);
  return [type, units, ...value, ...new Array<number>(units * 8 - 2 - value.length).fill(0)];
}

/** A domain name without compression: RFC 1035 section 3.1. */
function encodeName(name: string): readonly number[] {
  return [...name.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]), 0];
}

/**
 * Whether a frame is a guest's first word on the link, or its question for a router: it has no address yet, or solicits.
 * Anything may be in it; only frames that the socket's filter let through come here.
 */
export function asksForRouter(frame: Uint8Array): boolean {
  if (frame.length < ETHER_HEADER + IPV6_HEADER + 4) return false;
  const source = frame.subarray(ETHER_HEADER + 8, ETHER_HEADER + 24);
  if (source.every((byte) => byte === 0)) return true;
  const solicits =
    frame[ETHER_HEADER + 6] === IPPROTO_ICMPV6 && frame[ETHER_HEADER + IPV6_HEADER] === ROUTER_SOLICITATION;
  return solicits && frame[ETHER_HEADER + 7] === HOP_LIMIT;
}

/** Of an IPv6 packet that holds ICMPv6: RFC 4443 section 2.3. */
function checksum(packet: Uint8Array): number {
  let sum = packet.length - IPV6_HEADER + IPPROTO_ICMPV6;
  // The addresses of the header, and the message after it.
  for (let i = 8; i < packet.length; i += 2) sum += ((packet[i] ?? 0) << 8) | (packet[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function u16(value: number): readonly [number, number] {
  return [value >> 8, value & 0xff];
}
