/** What nodes carry for pods, as chains of iptables. */
import type { IPFamily } from '../../lib/ip.ts';
import type { Hook, TableCounts, TablePatch } from '../../netfilter/iptables/model.ts';
import type { SavedTable } from '../../netfilter/iptables/saved.ts';
import { POD_SERVICES, type PodTraffic } from '../backend.ts';
import { ofFamily } from '../ruleset/prefixes.ts';

/** All of these chains begin so, and none of what is exposed. */
export const POD_PREFIX = 'PST-PODS';

const [FROM, TO, ASK] = [POD_PREFIX, `${POD_PREFIX}-TO`, `${POD_PREFIX}-ASK`];

/** Makes a family's chains hold just this; `saved` is what there is of {@link POD_PREFIX}. */
export function podPatch(family: IPFamily, saved: SavedTable, traffic: PodTraffic | undefined): TablePatch {
  const isMeant = hasPods(family, traffic);
  const wanted = isMeant ? chainsOf(family, traffic) : new Map<string, readonly string[]>();
  const hooks = isMeant ? hooksOf(traffic) : [];
  const names = [...new Set([...wanted.keys(), ...saved.chains.keys()])];
  const changes = names.map((chain) => ({ chain, before: saved.chains.get(chain), after: wanted.get(chain) }));
  return {
    ...{ family, table: 'filter' },
    chains: changes.filter(({ before, after }) => before?.join('\n') !== after?.join('\n')),
    hooked: without(hooks, saved.hooks),
    unhooked: without(saved.hooks, hooks),
  };
}

/** How many rules there are of ours for pods, those that lead to our chains among them. */
export function podCount({ chains, hooks }: TableCounts): number {
  return [...chains.values(), ...hooks.values()].reduce((total, count) => total + count, 0);
}

export function hasPods(family: IPFamily, traffic: PodTraffic | undefined): traffic is PodTraffic {
  return traffic !== undefined && ofFamily(traffic.pods, family).length > 0;
}

/** Who sends in one chain, to whom in another: as many rules as there are prefixes, and not as many as there are pairs. */
function chainsOf(family: IPFamily, { pods, peers }: PodTraffic): ReadonlyMap<string, readonly string[]> {
  const [to, from] = [ofFamily(pods, family), ofFamily(peers, family)];
  return new Map([
    [TO, to.map((prefix) => `-d ${prefix} -j ACCEPT`)],
    [FROM, from.map((prefix) => `-s ${prefix} -j ${TO}`)],
    [
      ASK,
      [
        ...POD_SERVICES.map(({ protocol, port }) => `-p ${protocol} -m ${protocol} --dport ${port} -j ACCEPT`),
        ...(family === 'IPv6' ? ['-p ipv6-icmp -j ACCEPT'] : []),
      ],
    ],
  ]);
}

const hooksOf = ({ bridge }: PodTraffic): readonly Hook[] => [
  { into: 'INPUT', rule: `-i ${bridge} -j ${ASK}` },
  { into: 'FORWARD', rule: `-j ${FROM}` },
];

const without = (hooks: readonly Hook[], others: readonly Hook[]): readonly Hook[] =>
  hooks.filter(({ into, rule }) => !others.some((other) => other.into === into && other.rule === rule));
