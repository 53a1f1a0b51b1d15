/**
 * ICMP errors of TCP connections, read from Ethernet frames: RFC 792 and RFC 4443, with the codes of
 * https://www.iana.org/assignments/icmp-parameters and icmpv6-parameters.
 */
import { type IPFamily, ipFromBytes, printIP } from '../../lib/ip.ts';
import type { Refusal } from './outcome.ts';

export interface Unreachable extends Refusal {
  /** Where the connection was to. */
  readonly address: string;
  readonly port: number;
}

const ETHER_HEADER = 14;
const ICMP_HEADER = 8;
const TCP = 6;

interface Layout {
  readonly name: string;
  /** Where the sender's address stands, and a destination's; and how long one is. */
  readonly source: number;
  readonly destination: number;
  readonly size: number;
  readonly protocol: number;
  /** "Destination unreachable". */
  readonly type: number;
  readonly codes: Readonly<Record<number, string>>;
}

const LAYOUTS: Readonly<Record<IPFamily, Layout>> = {
  IPv4: {
    ...{ name: 'ICMP', source: 12, destination: 16, size: 4, protocol: 9, type: 3 },
    codes: {
      0: 'network unreachable',
      1: 'host unreachable',
      2: 'protocol unreachable',
      3: 'port unreachable',
      9: 'network administratively prohibited',
      10: 'host administratively prohibited',
      13: 'administratively prohibited',
    },
  },
  IPv6: {
    ...{ name: 'ICMPv6', source: 8, destination: 24, size: 16, protocol: 6, type: 1 },
    codes: {
      0: 'no route',
      1: 'administratively prohibited',
      3: 'address unreachable',
      4: 'port unreachable',
      5: 'source address failed the policy',
      6: 'route rejected',
    },
  },
};

/** Undefined for frames that are no such error of a TCP connection, or are too short to tell. */
export function parseUnreachable(frame: Uint8Array, family: IPFamily): Unreachable | undefined {
  const { name, source, destination, size, protocol, type, codes } = LAYOUTS[family];
  const outer = frame.subarray(ETHER_HEADER);
  const icmp = outer.subarray(headerSize(outer, family));
  const inner = icmp.subarray(ICMP_HEADER);
  const tcp = inner.subarray(headerSize(inner, family));
  // IPv6: a header of extensions before TCP is nothing that our own connections have.
  if (icmp[0] !== type || inner[protocol] !== TCP || tcp.length < 4) return undefined;
  const code = icmp[1] ?? 0;
  const by = ipFromBytes(outer.subarray(source, source + size));
  const to = ipFromBytes(inner.subarray(destination, destination + size));
  if (by === undefined || to === undefined) return undefined;
  return {
    by: printIP(by),
    says: `${codes[code] ?? 'unreachable'} (${name} ${type}/${code})`,
    address: printIP(to),
    port: ((tcp[2] ?? 0) << 8) | (tcp[3] ?? 0),
  };
}

const headerSize = (packet: Uint8Array, family: IPFamily): number =>
  family === 'IPv6' ? 40 : ((packet[0] ?? 0) & 0x0f) * 4;
