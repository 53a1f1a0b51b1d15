/**
 * IP addresses and prefixes as values. Both families share one representation, so that no caller needs a copy of its
 * logic per family.
 */

/** The two families, spelled as Kubernetes spells them in `spec.ipFamilies`. */
export type IPFamily = 'IPv4' | 'IPv6';

export const IP_FAMILIES: readonly IPFamily[] = ['IPv4', 'IPv6'];

/** One address: its family and its value as an unsigned integer of that family's width. */
export interface IPAddress {
  readonly family: IPFamily;
  readonly value: bigint;
}

/** A prefix. `base` has its host bits clear. */
export interface CIDR {
  readonly base: IPAddress;
  /** Number of leading one bits of the mask. */
  readonly prefix: number;
}

/** Width of an address of a family, in bits. */
export function bits(family: IPFamily): 32 | 128 {
  return family === 'IPv4' ? 32 : 128;
}

/** Reads an address in its usual text form; undefined when the text is not one. No zone, no leading zeros in IPv4. */
export function parseIP(text: string): IPAddress | undefined {
  if (text.includes(':')) {
    const value = parseIPv6(text);
    return value === undefined ? undefined : { family: 'IPv6', value };
  }
  const value = parseIPv4(text);
  return value === undefined ? undefined : { family: 'IPv4', value };
}

/** As {@link parseIP}, for text that is known to be an address; throws on anything else. */
export function mustParseIP(text: string): IPAddress {
  const ip = parseIP(text);
  if (ip === undefined) throw new Error(`not an IP address: ${JSON.stringify(text)}`);
  return ip;
}

/** The canonical text of an address; IPv6 as in RFC 5952. */
export function printIP(ip: IPAddress): string {
  return ip.family === 'IPv4' ? printIPv4(ip.value) : printIPv6(ip.value);
}

/** The family of an address given as text; undefined when it is not an address. */
export function familyOf(text: string): IPFamily | undefined {
  return parseIP(text)?.family;
}

/** The address in network byte order: 4 or 16 bytes. */
export function ipBytes(ip: IPAddress): Uint8Array {
  const bytes = new Uint8Array(bits(ip.family) / 8);
  const view = new DataView(bytes.buffer);
  if (ip.family === 'IPv4') view.setUint32(0, Number(ip.value));
  else setIPv6(view, ip.value);
  return bytes;
}

/** The inverse of {@link ipBytes}; undefined unless there are 4 or 16 bytes. */
export function ipFromBytes(bytes: Uint8Array): IPAddress | undefined {
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 4) return { family: 'IPv4', value: BigInt(view.getUint32(0)) };
  return { family: 'IPv6', value: (view.getBigUint64(0) << 64n) | view.getBigUint64(8) };
}

/** The address `count` after this one. The caller keeps it within the family's range. */
export function addIP(ip: IPAddress, count: bigint | number): IPAddress {
  return { family: ip.family, value: ip.value + BigInt(count) };
}

/** Orders addresses: IPv4 before IPv6, then by value. */
export function compareIP(a: IPAddress, b: IPAddress): number {
  if (a.family !== b.family) return a.family === 'IPv4' ? -1 : 1;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** Reads `ADDRESS/PREFIX`; undefined when the text is not one. Host bits are cleared. */
export function parseCIDR(text: string): CIDR | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const ip = parseIP(text.slice(0, slash));
  const prefixText = text.slice(slash + 1);
  if (ip === undefined || !/^(0|[1-9]\d{0,2})$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > bits(ip.family)) return undefined;
  const hostBits = BigInt(bits(ip.family) - prefix);
  return { base: { family: ip.family, value: (ip.value >> hostBits) << hostBits }, prefix };
}

/** As {@link parseCIDR}, for text that is known to be a prefix; throws on anything else. */
export function mustParseCIDR(text: string): CIDR {
  const cidr = parseCIDR(text);
  if (cidr === undefined) throw new Error(`not a CIDR: ${JSON.stringify(text)}`);
  return cidr;
}

export function printCIDR(cidr: CIDR): string {
  return `${printIP(cidr.base)}/${cidr.prefix}`;
}

/** Number of addresses in a prefix. */
export function cidrSize(cidr: CIDR): bigint {
  return 1n << BigInt(bits(cidr.base.family) - cidr.prefix);
}

/** The last address of a prefix. */
export function lastIP(cidr: CIDR): IPAddress {
  return addIP(cidr.base, cidrSize(cidr) - 1n);
}

export function cidrContains(cidr: CIDR, ip: IPAddress): boolean {
  return cidr.base.family === ip.family && ip.value >= cidr.base.value && ip.value < cidr.base.value + cidrSize(cidr);
}

/** Whether two prefixes share an address. */
export function cidrsOverlap(a: CIDR, b: CIDR): boolean {
  return cidrContains(a, b.base) || cidrContains(b, a.base);
}

/** The widest of the prefixes, sorted: what they hold together, with none within another. */
export function widestCIDRs(cidrs: readonly CIDR[]): readonly CIDR[] {
  const kept: CIDR[] = [];
  for (const cidr of cidrs.toSorted((a, b) => compareIP(a.base, b.base) || a.prefix - b.prefix)) {
    const last = kept.at(-1);
    if (last === undefined || !cidrContains(last, cidr.base)) kept.push(cidr);
  }
  return kept;
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

/** Nothing is split or matched here: a node reads 100,000 addresses at its start. */
function parseIPv6(text: string): bigint | undefined {
  if (text.length > 45) return undefined;
  const groups: number[] = [];
  let gap = text.startsWith('::') ? 0 : -1;
  let at = gap === 0 ? 2 : 0;
  while (at < text.length) {
    const start = at;
    let group = 0;
    for (let digit = hexDigit(text, at); digit >= 0; digit = hexDigit(text, ++at)) group = group * 16 + digit;
    if (text[at] === '.') {
      // A dotted IPv4 tail counts for two groups (RFC 4291 section 2.2).
      const tail = parseIPv4(text.slice(start));
      if (tail === undefined) return undefined;
      groups.push(Number(tail >> 16n), Number(tail & 0xffffn));
      break;
    }
    if (at === start || at - start > 4 || groups.push(group) > 8) return undefined;
    if (at === text.length) break;
    if (text[at++] !== ':' || at === text.length) return undefined;
    if (text[at] !== ':') continue;
    if (gap >= 0) return undefined;
    gap = groups.length;
    at++;
  }
  if (gap >= 0 ? groups.length > 7 : groups.length !== 8) return undefined;
  return getIPv6(groups, gap < 0 ? 8 : gap);
}

/** The value of the digit at a place of a text; -1 when there is none. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Groups become an address, with zeros in the gap. Two large BigInts are made, not eight small ones. */
function getIPv6(groups: readonly number[], gap: number): bigint {
  const view = SCRATCH;
  const missing = 8 - groups.length;
  for (let i = 0; i < 8; i++) {
    const group = i < gap ? groups[i] : i < gap + missing ? 0 : groups[i - missing];
    view.setUint16(2 * i, group ?? 0);
  }
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

function setIPv6(view: DataView, value: bigint): void {
  view.setBigUint64(0, value >> 64n);
  view.setBigUint64(8, BigInt.asUintN(64, value));
}

/** Where addresses change their shape; nothing stays in it. */
const SCRATCH = new DataView(new ArrayBuffer(16));

function printIPv4(value: bigint): string {
  const bits = Number(value);
  return `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}`;
}

function printIPv6(value: bigint): string {
  const parts: string[] = [];
  setIPv6(SCRATCH, value);
  for (let at = 0; at < 16; at += 2) parts.push(SCRATCH.getUint16(at).toString(16));
  const run = longestZeroRun(parts);
  if (run.length < 2) return parts.join(':');
  return `${parts.slice(0, run.start).join(':')}::${parts.slice(run.start + run.length).join(':')}`;
}

/** The first longest run of zero groups: RFC 5952 section 4.2. */
function longestZeroRun(parts: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < parts.length; start++) {
    let length = 0;
    while (parts[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
