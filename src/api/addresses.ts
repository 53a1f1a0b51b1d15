/** Checks of addresses in API objects, in Kubernetes' words. */
import { cidrContains, type IPAddress, type IPFamily, mustParseCIDR, parseCIDR, parseIP } from '../lib/ip.ts';

const IP_FORM = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const CIDR_FORM = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** Addresses that no endpoint and no external address can be. */
const SPECIAL = [
  { why: 'may not be unspecified (0.0.0.0 or ::)', ranges: ['0.0.0.0/32', '::/128'] },
  { why: 'may not be in the loopback range (127.0.0.0/8, ::1/128)', ranges: ['127.0.0.0/8', '::1/128'] },
  { why: 'may not be in the link-local range (169.254.0.0/16, fe80::/10)', ranges: ['169.254.0.0/16', 'fe80::/10'] },
  {
    why: 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    ranges: ['224.0.0.0/24', 'ff02::/16'],
  },
].map(({ why, ranges }) => ({ why, ranges: ranges.map(mustParseCIDR) }));

export function ipMistake(text: string): string | undefined {
  return parseIP(text) === undefined ? IP_FORM : undefined;
}

export function cidrMistake(text: string): string | undefined {
  return parseCIDR(text) === undefined ? CIDR_FORM : undefined;
}

/** An address that others can reach: well formed, and none of the special ones. */
export function reachableIPMistake(text: string, family?: IPFamily): string | undefined {
  const ip = parseIP(text);
  if (ip === undefined) return IP_FORM;
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
