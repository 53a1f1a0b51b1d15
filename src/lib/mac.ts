/** Ethernet addresses, and the IPv6 addresses derived from them. */
import { type CIDR, type IPAddress, ipBytes, ipFromBytes } from './ip.ts';

/** Reads `aa:bb:cc:dd:ee:ff`; undefined when the text is not one. */
export function parseMAC(text: string): Uint8Array | undefined {
  if (!/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

export function printMAC(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/**
 * The address that stateless autoconfiguration gives a host: the prefix and the modified EUI-64 of its MAC
 * (RFC 4291 appendix A). The prefix is a /64.
 */
export function eui64Address(prefix: CIDR, mac: Uint8Array): IPAddress {
  if (prefix.base.family !== 'IPv6' || prefix.prefix > 64 || mac.length !== 6) {
    throw new Error('EUI-64 needs an IPv6 prefix of at most 64 bits and a 48-bit MAC');
  }
  const bytes = ipBytes(prefix.base);
  const [a, b, c, d, e, f] = mac as unknown as [number, number, number, number, number, number];
  bytes.set([a ^ 0x02, b, c, 0xff, 0xfe, d, e, f], 8);
  return ipFromBytes(bytes) as IPAddress;
}
