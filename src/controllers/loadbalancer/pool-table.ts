/** All pools together: the order in which they are asked, and which of them an address belongs to. Pure. */
import { RangeMap } from '../../alloc/range-map.ts';
import { rankingOf } from '../../alloc/ranking.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { type AddressRange, parseAddressRange } from '../../lib/address-range.ts';
import type { IPAddress } from '../../lib/ip.ts';
import { byAge } from './age.ts';
import { type Pool, readPool } from './pool.ts';

export interface PoolTable {
  /** In the order in which they are asked. No two share an address. */
  readonly pools: readonly Pool[];
  /** The pool that may give out an address. */
  poolOf(ip: IPAddress): Pool | undefined;
  /** What of a pool is not used, and why, by the pool's key; pools without such are not there. */
  readonly problems: ReadonlyMap<string, readonly string[]>;
}

/** An entry of a pool, for messages. */
interface Origin {
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

/**
 * Pools that share addresses are refused by the API, but for one that does not ask us. Then what they share belongs to the
 * older, by creation time and then name, and the younger has the rest: nobody's addresses are stranded by another's mistake.
 */
export function poolTable(objects: readonly IPAddressPool[]): PoolTable {
  const origins = new RangeMap<Origin>();
  const problems = new Map<string, readonly string[]>();
  const pools = objects.toSorted(byAge).map((object): Pool => {
    const { pool, mistakes } = readPool(object);
    const ranges: AddressRange[] = [];
    const overlaps: string[] = [];
    for (const text of pool.addresses.ranges.length === 0 ? [] : object.spec.addresses) {
      const range = parseAddressRange(text);
      if (range === undefined) continue;
      overlaps.push(...origins.overlapping(range).map(({ value }) => overlap(text, value, pool)));
      ranges.push(...origins.add(range, { key: pool.key, name: pool.name, text }));
    }
    const found = [...mistakes, ...new Set(overlaps)];
    if (found.length > 0) problems.set(pool.key, found);
    return { ...pool, addresses: { ...pool.addresses, ranges } };
  });
  const byKey = new Map(pools.map((pool) => [pool.key, pool]));
  return {
    pools: pools.sort(inOrder),
    problems,
    poolOf(ip) {
      const pool = byKey.get(origins.find(ip)?.value.key ?? '');
      const { avoidBuggyIPs = false } = pool?.addresses ?? {};
      return rankingOf(ip.family, avoidBuggyIPs).isAvoided(ip.value) ? undefined : pool;
    },
  };
}

/** Pools that are for some Services only come first, as in MetalLB; then by priority, then by name. */
function inOrder(a: Pool, b: Pool): number {
  const isForAll = ({ audience }: Pool) => (audience === undefined ? 1 : 0);
  if (isForAll(a) !== isForAll(b)) return isForAll(a) - isForAll(b);
  if (a.priority !== b.priority) return a.priority < b.priority ? -1 : 1;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

function overlap(text: string, other: Origin, { key }: Pool): string {
  if (other.key === key) return `${text} overlaps with ${other.text} of the same pool`;
  return `${text} overlaps with ${other.text} of pool "${other.name}", which is older and has what they share`;
}
