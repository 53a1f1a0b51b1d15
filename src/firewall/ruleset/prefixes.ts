/** Addresses in rules: one, a prefix, or a range. */
import { parseAddressRange } from '../../lib/address-range.ts';
import {
  addIP,
  bits,
  type CIDR,
  cidrSize,
  type IPAddress,
  type IPFamily,
  mustParseCIDR,
  parseCIDR,
  parseIP,
  printCIDR,
} from '../../lib/ip.ts';

/** The prefix of all addresses. */
export const EVERYWHERE: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

/** Of canonical prefixes, those of a family. */
export function ofFamily(prefixes: readonly string[], family: IPFamily): readonly string[] {
  return prefixes.filter((prefix) => mustParseCIDR(prefix).base.family === family);
}

/** An address or a prefix; undefined for anything else. */
export function readPrefix(text: string): CIDR | undefined {
  const ip = parseIP(text);
  return ip === undefined ? parseCIDR(text) : { base: ip, prefix: bits(ip.family) };
}

/** A range as the prefixes that make it up; whatever else as it is. */
export function prefixesOf(text: string): readonly string[] {
  const range = text.includes('-') ? parseAddressRange(text) : undefined;
  if (range === undefined) return [text];
  const found: string[] = [];
  const { last } = range;
  for (let first = range.first; first.value <= last.value; ) {
    const cidr = largest(first, last);
    found.push(printCIDR(cidr));
    first = addIP(first, cidrSize(cidr));
  }
  return found;
}

/** The largest prefix that begins with an address and ends no later than another. */
function largest(first: IPAddress, last: IPAddress): CIDR {
  let prefix = bits(first.family) as number;
  while (prefix > 0) {
    const size = 1n << BigInt(bits(first.family) - prefix + 1);
    if (first.value % size !== 0n || first.value + size - 1n > last.value) break;
    prefix--;
  }
  return { base: first, prefix };
}
