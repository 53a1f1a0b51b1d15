/** Who may come: prefixes, as a firewall takes them. */
import { bits, type CIDR, type IPAddress, parseCIDR, printCIDR, widestCIDRs } from '../../lib/ip.ts';

/** Of the given prefixes, the widest, sorted: none is within another. */
export const widest = (cidrs: readonly CIDR[]): readonly string[] => widestCIDRs(cidrs).map(printCIDR);

/** Those who may come to one or the other. Undefined: anyone. */
export function union(
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
): readonly string[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  return widest([...a, ...b].flatMap((text) => parseCIDR(text) ?? []));
}

/** The prefix that holds just this address. */
export const onlyIt = (ip: IPAddress): CIDR => ({ base: ip, prefix: bits(ip.family) });
