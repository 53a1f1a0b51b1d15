/** Addresses counted without those that are to be avoided, so that nobody ever has to step over one. */
import type { IPFamily } from '../lib/ip.ts';

/** An address has as rank the number of addresses that come before it and are not avoided. */
export interface Ranking {
  isAvoided(value: bigint): boolean;
  /** How many addresses below `value` are not avoided. */
  below(value: bigint): bigint;
  /** The address with a rank. */
  valueAt(rank: bigint): bigint;
}

/**
 * `avoidBuggyIPs` leaves out IPv4 addresses that end in .0 or .255, which some old devices take for broadcasts:
 * https://metallb.io/configuration/_advanced_ipaddresspool_configuration/#handling-buggy-networks
 */
export function rankingOf(family: IPFamily, avoidBuggyIPs: boolean): Ranking {
  return avoidBuggyIPs && family === 'IPv4' ? withoutBuggy : all;
}

const all: Ranking = { isAvoided: () => false, below: (value) => value, valueAt: (rank) => rank };

/** Of each 256 addresses, those that end in 1 to 254. */
const USABLE = 254n;

const withoutBuggy: Ranking = {
  isAvoided: (value) => (value & 0xffn) === 0n || (value & 0xffn) === 0xffn,
  below(value) {
    const end = value & 0xffn;
    return (value >> 8n) * USABLE + (end === 0n ? 0n : end - 1n);
  },
  valueAt: (rank) => ((rank / USABLE) << 8n) + (rank % USABLE) + 1n,
};
