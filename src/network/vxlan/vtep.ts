/** What all nodes know of each other's ends of VXLAN (RFC 7348) without asking. Pure. */
import { createHash } from 'node:crypto';
import { type IPAddress, type IPFamily, printIP } from '../../lib/ip.ts';

/** UDP port that IANA gave to VXLAN. */
export const VXLAN_PORT = 4789;
/** VXLAN network identifier, 24 bits: "pst", so that other people's networks at the same port stay theirs. */
export const VNI = 0x707374;

/** Names of the devices, by the family of the packets that carry others. */
export const VXLAN_DEVICES: Readonly<Record<IPFamily, string>> = { IPv4: 'postern-vxlan', IPv6: 'postern-vxlan6' };

/** Bytes that are put around a packet: outer IP header, UDP, VXLAN and the inner Ethernet header. */
export const VXLAN_OVERHEAD: Readonly<Record<IPFamily, number>> = { IPv4: 20 + 8 + 8 + 14, IPv6: 40 + 8 + 8 + 14 };

/** A node's MAC among its peers, by the address that it sends from: locally administered, and known without asking. */
export function vtepMAC(address: IPAddress): Uint8Array {
  const hash = createHash('sha256')
    .update(`vxlan ${printIP(address)}`)
    .digest();
  return Uint8Array.from([0x02, ...hash.subarray(0, 5)]);
}
