/** The machine's default gateways, from the kernel's routing tables: proc(5), /proc/net/route and /proc/net/ipv6_route. */
import { readFileSync } from 'node:fs';
import { codeOf } from '../lib/errors.ts';
import { ipFromBytes, printIP } from '../lib/ip.ts';

/** Of this process' network namespace, in canonical text, sorted; none of a family that the kernel does not have. */
export function readGateways(): readonly string[] {
  return parseGateways(read('/proc/net/route'), read('/proc/net/ipv6_route'));
}

/** RTF_UP and RTF_GATEWAY of linux/route.h. */
const UP_GATEWAY = 0x3;
/** The most lines of a table that are read: a router with the whole Internet's routes has a million. */
const LINES = 10_000;

/** From the text of the two tables. */
export function parseGateways(route: string, ipv6Route: string): readonly string[] {
  const found = [...lines(route).map(ipv4Gateway), ...lines(ipv6Route).map(ipv6Gateway)];
  return [...new Set(found.filter((address) => address !== undefined))].sort();
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}

const lines = (table: string): string[][] => table.split('\n', LINES).map((line) => line.trim().split(/\s+/));

/** Addresses are as they lie in memory, on the machines that we run on with the lowest byte first. */
function ipv4Gateway([, destination, gateway = '', flags = '', , , , mask]: readonly string[]): string | undefined {
  if (destination !== '00000000' || mask !== '00000000' || !isUpGateway(flags)) return undefined;
  return addressOf(Buffer.from(gateway, 'hex').reverse());
}

function ipv6Gateway(fields: readonly string[]): string | undefined {
  const [destination = '', length, , , gateway = '', , , , flags = ''] = fields;
  if (!/^0{32}$/.test(destination) || length !== '00' || !isUpGateway(flags)) return undefined;
  return addressOf(Buffer.from(gateway, 'hex'));
}

function isUpGateway(flags: string): boolean {
  return (Number.parseInt(flags, 16) & UP_GATEWAY) === UP_GATEWAY;
}

function addressOf(bytes: Uint8Array): string | undefined {
  const ip = ipFromBytes(bytes);
  return ip === undefined ? undefined : printIP(ip);
}
