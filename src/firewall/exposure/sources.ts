/** Who may come: prefixes, as a firewall takes them. */
import { bits, type CIDR, cidrContains, compareIP, type IPAddress, parseCIDR, printCIDR } from '../../lib/ip.ts';

/** Of the given prefixes, the widest, sorted: none is within another. */
export function widest(cidrs: readonly CIDR[]): readonly string[] {
  const sorted = [...cidrs].sort((a, b) => compareIP(a.base, b.base) || a.prefix - b.prefix);
  const kept: CIDR[] = [];
  for (const cidr of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !cidrContains(last, cidr.base)) kept.push(cidr);
  }
  return kept.map(printCIDR);
}

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
