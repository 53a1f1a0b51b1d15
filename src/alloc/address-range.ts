/** The address ranges of load balancer pools: `FIRST-LAST` or a CIDR, as in MetalLB's IPAddressPool. */
import {
  addIP,
  bits,
  compareIP,
  type IPAddress,
  type IPFamily,
  lastIP,
  parseCIDR,
  parseIP,
  printIP,
} from '../lib/ip.ts';

/** Addresses of one family from `first` to `last`, both included. */
export interface AddressRange {
  readonly first: IPAddress;
  readonly last: IPAddress;
}

/** Reads `FIRST-LAST` (blanks around the dash allowed) or a CIDR; undefined when the text is neither. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const range = readRange(text);
  return typeof range === 'string' ? undefined : range;
}

/** Why {@link parseAddressRange} does not take a text, and what it would take; undefined when it does. */
export function addressRangeProblem(text: string): string | undefined {
  const range = readRange(text);
  return typeof range === 'string' ? range : undefined;
}

/** As FIRST-LAST. */
export function printAddressRange(range: AddressRange): string {
  return `${printIP(range.first)}-${printIP(range.last)}`;
}

export function rangeContains(range: AddressRange, ip: IPAddress): boolean {
  return ip.family === range.first.family && ip.value >= range.first.value && ip.value <= range.last.value;
}

/** Whether two ranges share an address. */
export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return rangeContains(a, b.first) || rangeContains(b, a.first);
}

/** Every address of a range, from the lowest. A range can have 2^128. */
export function* addressesOf(range: AddressRange): Generator<IPAddress, void, undefined> {
  for (let ip = range.first; ip.value <= range.last.value; ip = addIP(ip, 1)) yield ip;
}

/** The smallest set of ranges with the same addresses, in order: IPv4 first, then by address. */
export function mergeRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: AddressRange[] = [];
  for (const range of ranges.toSorted((a, b) => compareIP(a.first, b.first))) {
    const before = merged.at(-1);
    const touches = before?.first.family === range.first.family && range.first.value <= before.last.value + 1n;
    if (before === undefined || !touches) merged.push(range);
    else if (range.last.value > before.last.value)
      merged[merged.length - 1] = { first: before.first, last: range.last };
  }
  return merged;
}

/** The range, or what is wrong with the text. */
function readRange(text: string): AddressRange | string {
  if (text.includes('/')) {
    const cidr = parseCIDR(text.trim());
    if (cidr === undefined)
      return `${JSON.stringify(text)} is not a CIDR; write one like 192.0.2.0/28 or 2001:db8::/120`;
    return { first: cidr.base, last: lastIP(cidr) };
  }
  const [firstText = '', lastText, ...more] = text.split('-').map((part) => part.trim());
  if (lastText === undefined || more.length > 0) {
    return `${JSON.stringify(text)} is not an address range; write FIRST-LAST or a CIDR, for one address ${exampleFor(text)}`;
  }
  const first = parseIP(firstText);
  const last = parseIP(lastText);
  if (first === undefined) return `${JSON.stringify(firstText)} in ${JSON.stringify(text)} is not an IP address`;
  if (last === undefined) return `${JSON.stringify(lastText)} in ${JSON.stringify(text)} is not an IP address`;
  if (first.family !== last.family) return `${text} mixes ${first.family} and ${last.family}; write a range for each`;
  if (first.value > last.value) return `${text} ends before it begins; write ${lastText}-${firstText}`;
  return { first, last };
}

function exampleFor(text: string): string {
  const ip = parseIP(text.trim());
  return ip === undefined ? '192.0.2.1/32' : `${printIP(ip)}/${bits(ip.family)}`;
}

/** The families that ranges have addresses of, IPv4 first. */
export function familiesOf(ranges: readonly AddressRange[]): IPFamily[] {
  return (['IPv4', 'IPv6'] as const).filter((family) => ranges.some((range) => range.first.family === family));
}
