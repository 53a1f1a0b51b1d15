/** Address ranges as people write them for load balancer pools: `FIRST-LAST` or a CIDR, as in MetalLB's IPAddressPool. */
import { addIP, bits, compareIP, type IPAddress, lastIP, parseCIDR, parseIP } from './ip.ts';

/** Addresses of one family from `first` to `last`, both included. */
export interface AddressRange {
  readonly first: IPAddress;
  readonly last: IPAddress;
}

const FORM = 'must be a CIDR such as 192.0.2.0/24 or 2001:db8::/112, or a range such as 192.0.2.10-192.0.2.20';

/** Reads `FIRST-LAST` (blanks around the dash allowed) or a CIDR; undefined when the text is neither. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const range = readAddressRange(text);
  return typeof range === 'string' ? undefined : range;
}

/** Reads as {@link parseAddressRange} does, and answers with what is wrong with the text when it cannot. */
export function readAddressRange(text: string): AddressRange | string {
  const entry = text.trim();
  return entry.includes('-') ? readFirstLast(entry) : readPrefix(entry);
}

export function rangeContains(range: AddressRange, ip: IPAddress): boolean {
  return ip.family === range.first.family && ip.value >= range.first.value && ip.value <= range.last.value;
}

/** Whether two ranges share an address. */
export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return rangeContains(a, b.first) || rangeContains(b, a.first);
}

/**
 * Pairs of ranges that share an address, the one that begins first before the other. Every range that shares an address
 * with another is in a pair; not every two that do are one. Takes n log n steps for n ranges, however they lie.
 */
export function overlapsOf<T extends AddressRange>(ranges: readonly T[]): (readonly [T, T])[] {
  const pairs: (readonly [T, T])[] = [];
  let furthest: T | undefined;
  for (const range of ranges.toSorted((a, b) => compareIP(a.first, b.first))) {
    if (furthest !== undefined && rangesOverlap(furthest, range)) pairs.push([furthest, range]);
    if (furthest === undefined || compareIP(range.last, furthest.last) > 0) furthest = range;
  }
  return pairs;
}

/** Every address of a range, from the lowest. A range can have 2^128. */
export function* addressesOf(range: AddressRange): Generator<IPAddress, void, undefined> {
  for (let ip = range.first; ip.value <= range.last.value; ip = addIP(ip, 1)) yield ip;
}

function readPrefix(text: string): AddressRange | string {
  const cidr = parseCIDR(text);
  if (cidr !== undefined) return { first: cidr.base, last: lastIP(cidr) };
  const ip = parseIP(text);
  return ip === undefined ? FORM : `is a single address: write ${text}/${bits(ip.family)}`;
}

function readFirstLast(text: string): AddressRange | string {
  const [firstText = '', lastText = '', ...more] = text.split('-').map((part) => part.trim());
  if (more.length > 0) return FORM;
  const first = parseIP(firstText);
  const last = parseIP(lastText);
  if (first === undefined) return `invalid start IP ${JSON.stringify(firstText)}; ${FORM}`;
  if (last === undefined) return `invalid end IP ${JSON.stringify(lastText)}; ${FORM}`;
  if (first.family !== last.family)
    return `starts with an ${first.family} and ends with an ${last.family} address: both must be of one family`;
  return compareIP(first, last) > 0 ? `start IP ${firstText} is after the end IP ${lastText}` : { first, last };
}
