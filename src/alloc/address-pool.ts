/** Pools of load balancer addresses: which is free, and how many are. */
import { type AddressRange, addressesOf, mergeRanges, rangeContains } from '../lib/address-range.ts';
import type { IPAddress, IPFamily } from '../lib/ip.ts';

export interface AddressPool {
  /** In the order of the user; they may overlap and be of both families. */
  readonly ranges: readonly AddressRange[];
  /** Leaves out IPv4 addresses that end in .0 or .255, which some old devices take for broadcasts. */
  readonly avoidBuggyIPs?: boolean;
}

/** How many addresses of one family a pool has given out, and how many more it can give. */
export interface PoolUsage {
  readonly assigned: bigint;
  readonly available: bigint;
}

/** Whether the pool may give out an address. */
export function poolContains(pool: AddressPool, ip: IPAddress): boolean {
  return !isAvoided(pool, ip) && pool.ranges.some((range) => rangeContains(range, ip));
}

/**
 * The first free address of a family: ranges in the pool's order, addresses from the lowest. The same pool and the same
 * taken addresses always give the same one. Undefined exactly when there is none. Asks at most once more than there are
 * taken addresses, not counting those avoided.
 */
export function firstFreeAddress(
  pool: AddressPool,
  family: IPFamily,
  isTaken: (ip: IPAddress) => boolean,
): IPAddress | undefined {
  for (const range of pool.ranges) {
    if (range.first.family !== family) continue;
    for (const ip of addressesOf(range)) {
      if (!isAvoided(pool, ip) && !isTaken(ip)) return ip;
    }
  }
  return undefined;
}

/** How many addresses of a family the pool may give out in all; computed, so a /64 costs no more than a /32. */
export function poolSize(pool: AddressPool, family: IPFamily): bigint {
  let size = 0n;
  for (const { first, last } of mergeRanges(pool.ranges)) {
    if (first.family !== family) continue;
    size += last.value - first.value + 1n;
    if (pool.avoidBuggyIPs && family === 'IPv4') size -= countBuggy(last.value + 1n) - countBuggy(first.value);
  }
  return size;
}

/** Usage of a family, given all addresses that have been given out, of whatever pool. No address may be there twice. */
export function poolUsage(pool: AddressPool, family: IPFamily, assigned: Iterable<IPAddress>): PoolUsage {
  let own = 0n;
  let givable = 0n;
  for (const ip of assigned) {
    if (ip.family !== family || !pool.ranges.some((range) => rangeContains(range, ip))) continue;
    own++;
    // An address that was given out before avoidBuggyIPs was set is the pool's, but no longer among those it can give.
    if (!isAvoided(pool, ip)) givable++;
  }
  return { assigned: own, available: poolSize(pool, family) - givable };
}

function isAvoided(pool: AddressPool, ip: IPAddress): boolean {
  return pool.avoidBuggyIPs === true && ip.family === 'IPv4' && isBuggy(ip.value);
}

function isBuggy(value: bigint): boolean {
  const end = value & 0xffn;
  return end === 0n || end === 0xffn;
}

/** How many addresses below `end` are buggy: two in each full 256, and the one that begins the rest. */
function countBuggy(end: bigint): bigint {
  return (end / 256n) * 2n + (end % 256n > 0n ? 1n : 0n);
}
