/** Where connections come from, as far as limits go. */
import type { Socket } from 'node:net';
import { parseIP } from '../../../lib/ip.ts';

/** Bits of an IPv6 address that one client has at least: a host may take any address of its network. */
const IPV6_PREFIX = 64;

/** Names the client at an address: the address itself, or its network in IPv6. Undefined for a Unix socket, and once it is closed. */
export function sourceOf({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string | undefined {
  if (remoteAddress === undefined) return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  const ip = parseIP(mapped ?? remoteAddress.replace(/%.*$/, ''));
  if (ip === undefined || ip.family === 'IPv4') return mapped ?? remoteAddress;
  return `${(ip.value >> BigInt(128 - IPV6_PREFIX)).toString(16)}::/64`;
}

/** Of this machine itself. */
export function isLocal(source: string): boolean {
  return source.startsWith('127.') || source === '0::/64';
}
