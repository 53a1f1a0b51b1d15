/** ARP packets for IPv4 over Ethernet: RFC 826. */
import { type IPAddress, ipBytes, ipFromBytes } from '../../../lib/ip.ts';

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export interface ArpPacket {
  readonly operation: number;
  readonly senderMAC: Uint8Array;
  readonly senderIP: IPAddress;
  readonly targetMAC: Uint8Array;
  readonly targetIP: IPAddress;
}

/** Hardware type Ethernet, protocol type IPv4, address lengths 6 and 4. */
const ETHERNET_IPV4 = [0, 1, 0x08, 0, 6, 4] as const;
const SIZE = 28;

/** Undefined for anything but ARP for IPv4 over Ethernet. What stands behind the packet is padding. */
export function decodeArp(bytes: Uint8Array): ArpPacket | undefined {
  if (bytes.length < SIZE || ETHERNET_IPV4.some((byte, i) => bytes[i] !== byte)) return undefined;
  const senderIP = ipFromBytes(bytes.subarray(14, 18));
  const targetIP = ipFromBytes(bytes.subarray(24, 28));
  if (senderIP === undefined || targetIP === undefined) return undefined;
  return {
    operation: ((bytes[6] ?? 0) << 8) | (bytes[7] ?? 0),
    senderMAC: bytes.slice(8, 14),
    senderIP,
    targetMAC: bytes.slice(18, 24),
    targetIP,
  };
}

export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  bytes.set(ETHERNET_IPV4, 0);
  bytes.set([packet.operation >> 8, packet.operation & 0xff], 6);
  bytes.set(packet.senderMAC, 8);
  bytes.set(ipBytes(packet.senderIP), 14);
  bytes.set(packet.targetMAC, 18);
  bytes.set(ipBytes(packet.targetIP), 24);
  return bytes;
}
