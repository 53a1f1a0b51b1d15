/** Checks of addresses in API objects, in Kubernetes' words. */
import {
  bits,
  cidrContains,
  type IPAddress,
  type IPFamily,
  mustParseCIDR,
  parseCIDR,
  parseIP,
  printCIDR,
  printIP,
} from '../lib/ip.ts';

const IP_FORM = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const CIDR_FORM = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** Addresses that no endpoint and no external address can be. */
const SPECIAL = [
  { why: 'may not be unspecified (0.0.0.0)', ranges: ['0.0.0.0/32'] },
  { why: 'may not be unspecified (::)', ranges: ['::/128'] },
  { why: 'may not be in the loopback range (127.0.0.0/8, ::1/128)', ranges: ['127.0.0.0/8', '::1/128'] },
  { why: 'may not be in the link-local range (169.254.0.0/16, fe80::/10)', ranges: ['169.254.0.0/16', 'fe80::/10'] },
  {
    why: 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    ranges: ['224.0.0.0/24', 'ff02::/16'],
  },
].map(({ why, ranges }) => ({ why, ranges: ranges.map(mustParseCIDR) }));

/** IPv4 addresses in the clothes of IPv6: what one program takes for IPv4 is IPv6 to the next. */
const IPV4_MAPPED = mustParseCIDR('::ffff:0:0/96');

/**
 * Leading zeros and IPv4-mapped addresses, which programs read in different ways, are refused: in the words of
 * Kubernetes' StrictIPCIDRValidation, without which Kubernetes accepts them in old fields with a warning.
 */
export function ipMistake(text: string): string | undefined {
  return formMistake(text, parseIP(text));
}

function formMistake(text: string, ip: IPAddress | undefined): string | undefined {
  if (ip === undefined) return parseIP(withoutLeadingZeros(text)) ? 'must not have leading 0s' : IP_FORM;
  return cidrContains(IPV4_MAPPED, ip) ? 'must not be an IPv4-mapped IPv6 address' : undefined;
}

/** Bits after the prefix may be set: fields that are older than the rule take them, with a warning. */
export function cidrMistake(text: string): string | undefined {
  const cidr = parseCIDR(text);
  if (cidr === undefined) {
    return parseCIDR(withoutLeadingZeros(text)) ? 'must not have leading 0s in IP or prefix length' : CIDR_FORM;
  }
  return cidrContains(IPV4_MAPPED, cidr.base) ? 'must not have an IPv4-mapped IPv6 address' : undefined;
}

/** A prefix in the one form that there is for it, which newer fields ask for. */
export function canonicalCIDRMistake(text: string): string | undefined {
  const cidr = parseCIDR(text);
  const mistake = cidrMistake(text);
  if (cidr === undefined || mistake !== undefined) return mistake;
  if (hasHostBits(text)) return 'must not have bits set beyond the prefix length';
  return printCIDR(cidr) === text ? undefined : `must be in canonical form (${JSON.stringify(printCIDR(cidr))})`;
}

/** What to say of an address that is accepted, and not written in the one form that there is for it. */
export function ipWarnings(field: string, text: string): readonly string[] {
  const ip = parseIP(text) ?? parseIP(withoutLeadingZeros(text));
  if (ip === undefined || printIP(ip) === text) return [];
  const value = JSON.stringify(text);
  if (formMistake(text, ip) === undefined && ip.family === 'IPv6')
    return [`${field}: IPv6 address ${value} should be in RFC 5952 canonical format ("${printIP(ip)}")`];
  const use = ip.family === 'IPv4' ? ip : { family: 'IPv4' as const, value: ip.value & 0xffff_ffffn };
  const why = 'will be considered invalid in a future Kubernetes release';
  return [`${field}: non-standard IP address ${value} ${why}: use "${printIP(use)}"`];
}

/** The same of a prefix; and one with bits after its prefix could mean a network or one address. */
export function cidrWarnings(field: string, text: string): readonly string[] {
  const cidr = parseCIDR(text);
  if (cidr === undefined) return [];
  const [value, canonical, ip] = [JSON.stringify(text), printCIDR(cidr), parseIP(text.split('/')[0] ?? '')];
  if (ip !== undefined && hasHostBits(text)) {
    const single = `${printIP(ip)}/${bits(ip.family)}`;
    return [`${field}: CIDR value ${value} is ambiguous in this context (should be "${canonical}" or "${single}"?)`];
  }
  if (cidr.base.family !== 'IPv6' || canonical === text) return [];
  return [`${field}: IPv6 CIDR value ${value} should be in RFC 5952 canonical format ("${canonical}")`];
}

function hasHostBits(cidr: string): boolean {
  return parseIP(cidr.split('/')[0] ?? '')?.value !== parseCIDR(cidr)?.base.value;
}

function withoutLeadingZeros(text: string): string {
  return text.length > 64 ? text : text.replace(/(?<![\da-f:])0+(?=\d)/gi, '');
}

/** An address that others can reach: well formed, and none of the special ones. */
export function reachableIPMistake(text: string, family?: IPFamily): string | undefined {
  const ip = parseIP(text);
  const mistake = formMistake(text, ip);
  if (ip === undefined || mistake !== undefined) return mistake;
  if (family !== undefined && ip.family !== family) return `must be an ${family} address`;
  return specialIPMistake(ip);
}

function specialIPMistake(ip: IPAddress): string | undefined {
  return SPECIAL.find(({ ranges }) => ranges.some((range) => cidrContains(range, ip)))?.why;
}

/** An address and a port as one text, with brackets around an IPv6 address. */
export function hostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
