/**
 * Flows as messages of ctnetlink: requests out, answers in. Numbers are those of linux/netfilter/nfnetlink_conntrack.h and
 * net/netfilter/nf_conntrack_core.h; https://docs.kernel.org/networking/netlink_spec/conntrack.html
 */
import { NFGENMSG } from '../../host/netlink.ts';
import {
  attribute,
  message,
  type NetlinkMessage,
  nested,
  readAttributes,
  readUint,
  uint8,
  uint16,
  uint32,
} from '../../host/netlink-message.ts';
import { type IPFamily, ipBytes, ipFromBytes, mustParseIP, printIP } from '../../lib/ip.ts';
import type { TransportProtocol } from '../model.ts';
import type { Flow, FlowFilter, Tuple } from './conntrack.ts';

const SUBSYSTEM = 1 << 8; // NFNL_SUBSYS_CTNETLINK
const CT_NEW = SUBSYSTEM | 0;
const CT_GET = SUBSYSTEM | 1;
const CT_DELETE = SUBSYSTEM | 2;

const NLM_F_REQUEST = 1;
const NLM_F_REQUEST_DUMP = 0x301;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;

const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;

const CTA_FILTER_ORIG_FLAGS = 1;
/** Bits of those flags: the fields of the tuple that count. */
const BY_DESTINATION = 1 << 1;
const BY_PROTOCOL = 1 << 3;
const BY_DESTINATION_PORT = 1 << 5;

/** `struct nfgenmsg`'s address families, and the attributes that hold addresses of each. */
const FAMILIES: Readonly<
  Record<IPFamily, { readonly number: number; readonly source: number; readonly dest: number }>
> = {
  IPv4: { number: 2, source: 1, dest: 2 },
  IPv6: { number: 10, source: 3, dest: 4 },
};
const PROTOCOLS: Readonly<Record<TransportProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
const PROTOCOL_NAMES = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name as TransportProtocol]));

/**
 * Asks for the flows that a filter means, and more: whoever reads the answer looks again. Kernels before 5.8 know no such
 * filters and tell all flows of the family, and those from 5.8 to 6.18 at least tell the flows to every *other* address when
 * asked for one of IPv6 (the comparison in `ctnetlink_filter_match_tuple` is the wrong way round).
 */
export function encodeDump({ family, protocol, dport, ...filter }: FlowFilter): Uint8Array {
  const daddr = family === 'IPv4' ? filter.daddr : undefined;
  const flags =
    BY_PROTOCOL | (daddr === undefined ? 0 : BY_DESTINATION) | (dport === undefined ? 0 : BY_DESTINATION_PORT);
  const ports = dport === undefined ? [] : [attribute(CTA_PROTO_DST_PORT, uint16(dport))];
  return message(CT_GET, NLM_F_REQUEST_DUMP, [
    nfgenmsg(family),
    nested(CTA_TUPLE_ORIG, [
      nested(CTA_TUPLE_IP, daddr === undefined ? [] : [attribute(FAMILIES[family].dest, addressBytes(daddr))]),
      nested(CTA_TUPLE_PROTO, [attribute(CTA_PROTO_NUM, uint8(PROTOCOLS[protocol])), ...ports]),
    ]),
    // In the machine's own byte order, unlike all else.
    nested(CTA_FILTER, [attribute(CTA_FILTER_ORIG_FLAGS, littleEndian(flags))]),
  ]);
}

/** Deletes one flow, and, as a rule, none that took its place. The kernel answers only when it does not. */
export function encodeDelete({ family, protocol, original, zone, id }: Flow): Uint8Array {
  const { source, dest } = FAMILIES[family];
  return message(CT_DELETE, NLM_F_REQUEST, [
    nfgenmsg(family),
    nested(CTA_TUPLE_ORIG, [
      nested(CTA_TUPLE_IP, [
        attribute(source, addressBytes(original.saddr)),
        attribute(dest, addressBytes(original.daddr)),
      ]),
      nested(CTA_TUPLE_PROTO, [
        attribute(CTA_PROTO_NUM, uint8(PROTOCOLS[protocol])),
        attribute(CTA_PROTO_SRC_PORT, uint16(original.sport)),
        attribute(CTA_PROTO_DST_PORT, uint16(original.dport)),
      ]),
    ]),
    attribute(CTA_ZONE, uint16(zone)),
    attribute(CTA_ID, uint32(id)),
  ]);
}

/** A flow of a dump; undefined for protocols without ports and for what is no flow. */
export function decodeFlow({ type, payload }: NetlinkMessage): Flow | undefined {
  if (type !== CT_NEW || payload.length < NFGENMSG) return undefined;
  const family = familyOf(payload[0]);
  const attributes = readAttributes(payload.subarray(NFGENMSG));
  const original = decodeTuple(attributes.get(CTA_TUPLE_ORIG), family);
  const reply = decodeTuple(attributes.get(CTA_TUPLE_REPLY), family);
  const id = readUint(attributes.get(CTA_ID), 4);
  if (family === undefined || original === undefined || reply === undefined || id === undefined) return undefined;
  return {
    ...{ family, protocol: original.protocol, id },
    ...{ original: original.tuple, reply: reply.tuple },
    zone: readUint(attributes.get(CTA_ZONE), 2) ?? 0,
  };
}

function decodeTuple(
  bytes: Uint8Array | undefined,
  family: IPFamily | undefined,
): { readonly protocol: TransportProtocol; readonly tuple: Tuple } | undefined {
  if (bytes === undefined || family === undefined) return undefined;
  const parts = readAttributes(bytes);
  const ips = readAttributes(parts.get(CTA_TUPLE_IP) ?? NOTHING);
  const l4 = readAttributes(parts.get(CTA_TUPLE_PROTO) ?? NOTHING);
  const protocol = PROTOCOL_NAMES.get(readUint(l4.get(CTA_PROTO_NUM), 1) ?? 0);
  const saddr = addressText(ips.get(FAMILIES[family].source));
  const daddr = addressText(ips.get(FAMILIES[family].dest));
  const sport = readUint(l4.get(CTA_PROTO_SRC_PORT), 2);
  const dport = readUint(l4.get(CTA_PROTO_DST_PORT), 2);
  if (protocol === undefined || saddr === undefined || daddr === undefined) return undefined;
  if (sport === undefined || dport === undefined) return undefined;
  return { protocol, tuple: { saddr, sport, daddr, dport } };
}

const NOTHING = new Uint8Array();

/** Family, version, and a number that means nothing here. */
const nfgenmsg = (family: IPFamily): Uint8Array => Uint8Array.of(FAMILIES[family].number, 0, 0, 0);

function familyOf(number: number | undefined): IPFamily | undefined {
  return number === FAMILIES.IPv4.number ? 'IPv4' : number === FAMILIES.IPv6.number ? 'IPv6' : undefined;
}

const addressBytes = (text: string): Uint8Array => ipBytes(mustParseIP(text));

function addressText(bytes: Uint8Array | undefined): string | undefined {
  const ip = bytes && ipFromBytes(bytes);
  return ip && printIP(ip);
}

const littleEndian = (value: number): Uint8Array => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
