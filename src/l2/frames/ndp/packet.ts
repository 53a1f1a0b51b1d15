/** Neighbour solicitations and advertisements in ICMPv6: RFC 4861 sections 4.3, 4.4 and 4.6. */
import { type IPAddress, ipBytes, ipFromBytes } from '../../../lib/ip.ts';

export const NEIGHBOR_SOLICITATION = 135;
export const NEIGHBOR_ADVERTISEMENT = 136;

const IPV6_HEADER = 40;
const IPPROTO_ICMPV6 = 58;
/** Proof that a packet came from a neighbour: no router passes a hop limit of 255 on. RFC 4861 section 11.2. */
const HOP_LIMIT = 255;
const BODY = 24;
const OPTION_SOURCE_LINK_LAYER = 1;
const OPTION_TARGET_LINK_LAYER = 2;
const SOLICITED = 0x40;
const OVERRIDE = 0x20;

export interface NeighborSolicitation {
  readonly source: IPAddress;
  readonly destination: IPAddress;
  readonly target: IPAddress;
  /** The sender's MAC, if it gave one. */
  readonly sourceLinkLayer: Uint8Array | undefined;
}

export interface NeighborAdvertisement {
  readonly source: IPAddress;
  readonly destination: IPAddress;
  readonly target: IPAddress;
  readonly targetLinkLayer: Uint8Array;
  readonly solicited: boolean;
  readonly override: boolean;
}

/** What an advertisement of another host says. */
export interface HeardAdvertisement {
  readonly target: IPAddress;
  /** The MAC at which it says the target is, if it gave one. */
  readonly targetLinkLayer: Uint8Array | undefined;
}

/** Reads an IPv6 packet. Undefined unless it passes every check of RFC 4861 section 7.1.1. */
export function decodeSolicitation(packet: Uint8Array): NeighborSolicitation | undefined {
  const message = decodeMessage(packet, NEIGHBOR_SOLICITATION);
  if (message === undefined) return undefined;
  const { source, destination, target, options } = message;
  const sourceLinkLayer = options.get(OPTION_SOURCE_LINK_LAYER)?.slice(0, 6);
  if (isMulticast(source)) return undefined;
  if (source.value === 0n && (sourceLinkLayer !== undefined || !isSolicitedNode(destination))) return undefined;
  return { source, destination, target, sourceLinkLayer };
}

/** Reads an IPv6 packet. Undefined unless it passes every check of RFC 4861 section 7.1.2. */
export function decodeAdvertisement(packet: Uint8Array): HeardAdvertisement | undefined {
  const message = decodeMessage(packet, NEIGHBOR_ADVERTISEMENT);
  if (message === undefined) return undefined;
  const { destination, target, options, flags } = message;
  if (isMulticast(destination) && (flags & SOLICITED) !== 0) return undefined;
  return { target, targetLinkLayer: options.get(OPTION_TARGET_LINK_LAYER)?.slice(0, 6) };
}

interface NeighborMessage {
  readonly source: IPAddress;
  readonly destination: IPAddress;
  readonly flags: number;
  readonly target: IPAddress;
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** What is demanded of solicitations and advertisements alike. */
function decodeMessage(packet: Uint8Array, type: number): NeighborMessage | undefined {
  const icmp = icmpOf(packet);
  if (icmp === undefined || icmp[0] !== type || icmp[1] !== 0 || icmp.length < BODY) return undefined;
  const source = ipFromBytes(packet.subarray(8, 24));
  const destination = ipFromBytes(packet.subarray(24, 40));
  const target = ipFromBytes(icmp.subarray(8, 24));
  const options = decodeOptions(icmp.subarray(BODY));
  if (source === undefined || destination === undefined || target === undefined || options === undefined) {
    return undefined;
  }
  return isMulticast(target) ? undefined : { source, destination, target, options, flags: icmp[4] ?? 0 };
}

/** The whole IPv6 packet of an advertisement, with its target link-layer address option. */
export function encodeAdvertisement(advertisement: NeighborAdvertisement): Uint8Array {
  const { targetLinkLayer, solicited, override } = advertisement;
  const flags = (solicited ? SOLICITED : 0) | (override ? OVERRIDE : 0);
  const option = [OPTION_TARGET_LINK_LAYER, 1, ...targetLinkLayer];
  return encodeMessage({ ...advertisement, type: NEIGHBOR_ADVERTISEMENT, flags, option });
}

/** The whole IPv6 packet of a solicitation. */
export function encodeSolicitation(solicitation: NeighborSolicitation): Uint8Array {
  const { sourceLinkLayer } = solicitation;
  const option = sourceLinkLayer === undefined ? [] : [OPTION_SOURCE_LINK_LAYER, 1, ...sourceLinkLayer];
  return encodeMessage({ ...solicitation, type: NEIGHBOR_SOLICITATION, flags: 0, option });
}

interface MessageParts {
  readonly type: number;
  readonly source: IPAddress;
  readonly destination: IPAddress;
  readonly flags: number;
  readonly target: IPAddress;
  readonly option: readonly number[];
}

function encodeMessage({ type, source, destination, flags, target, option }: MessageParts): Uint8Array {
  const length = BODY + option.length;
  const packet = new Uint8Array(IPV6_HEADER + length);
  packet.set([0x60, 0, 0, 0, 0, length, IPPROTO_ICMPV6, HOP_LIMIT], 0);
  packet.set(ipBytes(source), 8);
  packet.set(ipBytes(destination), 24);
  const icmp = packet.subarray(IPV6_HEADER);
  icmp[0] = type;
  icmp[4] = flags;
  icmp.set(ipBytes(target), 8);
  icmp.set(option, BODY);
  const sum = checksum(packet, icmp);
  icmp.set([sum >> 8, sum & 0xff], 2);
  return packet;
}

/** The solicited-node multicast address, in which an address is asked for: RFC 4291 section 2.7.1. */
export function solicitedNode(ip: IPAddress): IPAddress {
  return { family: 'IPv6', value: SOLICITED_NODE | (ip.value & 0xffffffn) };
}

const SOLICITED_NODE = 0xff02_0000_0000_0000_0000_0001_ff00_0000n;

function isSolicitedNode(ip: IPAddress): boolean {
  return ip.value >> 24n === SOLICITED_NODE >> 24n;
}

export function isMulticast(ip: IPAddress): boolean {
  return ip.value >> 120n === 0xffn;
}

/** The ICMPv6 message of a packet that is whole, from a neighbour, and undamaged. */
function icmpOf(packet: Uint8Array): Uint8Array | undefined {
  if (packet.length < IPV6_HEADER || (packet[0] ?? 0) >> 4 !== 6) return undefined;
  const length = ((packet[4] ?? 0) << 8) | (packet[5] ?? 0);
  if (packet[6] !== IPPROTO_ICMPV6 || packet[7] !== HOP_LIMIT || IPV6_HEADER + length > packet.length) return undefined;
  const icmp = packet.subarray(IPV6_HEADER, IPV6_HEADER + length);
  return checksum(packet, icmp) === 0 ? icmp : undefined;
}

/** Options by type, the first of each; undefined when one has length 0 or runs past the end (RFC 4861 section 4.6). */
function decodeOptions(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const options = new Map<number, Uint8Array>();
  let at = 0;
  while (at < bytes.length) {
    const type = bytes[at] ?? 0;
    const length = (bytes[at + 1] ?? 0) * 8;
    if (length === 0 || at + length > bytes.length) return undefined;
    if (!options.has(type)) options.set(type, bytes.subarray(at + 2, at + length));
    at += length;
  }
  return options;
}

/** The ones' complement sum over pseudo-header and message: RFC 8200 section 8.1. 0 over a message that holds its sum. */
function checksum(packet: Uint8Array, icmp: Uint8Array): number {
  let sum = icmp.length + IPPROTO_ICMPV6;
  const add = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  };
  add(packet.subarray(8, 40));
  add(icmp);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
