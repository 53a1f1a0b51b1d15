/** Which endpoints a chain led to, in the order in which an earlier run wrote them. */
import type { SavedTable } from '../../netfilter/iptables/saved.ts';
import type { Endpoint } from '../forwarding/forwarding.ts';

/** The end of a rule that translates: `10.244.1.5:9376` or `[fd00::5]:9376`. */
const DESTINATION = / -j DNAT --to-destination (?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d+)$/;
/** Session affinity has a rule of its own for each endpoint, before those that draw. */
const RETURNS = ' --rcheck ';

/** By chain; of chains that lead to endpoints alone. */
export function recalledEndpoints({ chains }: SavedTable): ReadonlyMap<string, readonly Endpoint[]> {
  const recalled = new Map<string, readonly Endpoint[]>();
  for (const [chain, rules] of chains) {
    const endpoints = rules.filter((rule) => !rule.includes(RETURNS)).flatMap(endpointOf);
    if (endpoints.length > 0) recalled.set(chain, endpoints);
  }
  return recalled;
}

function endpointOf(rule: string): readonly Endpoint[] {
  const [, ipv6, ipv4, port] = DESTINATION.exec(rule) ?? [];
  const ip = ipv6 ?? ipv4;
  // Where it runs is not in the rule, and does not name it.
  return ip === undefined ? [] : [{ ip, port: Number(port), local: false }];
}
