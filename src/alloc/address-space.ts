/** The addresses of a family that a pool may give out, numbered in the order in which it gives them out. */
import type { AddressRange } from '../lib/address-range.ts';
import type { IPAddress, IPFamily } from '../lib/ip.ts';
import { type Ranking, rankingOf } from './ranking.ts';

/** Neighbouring addresses: `count` from rank `first` on have the numbers from `number` on. */
interface Stretch {
  readonly first: bigint;
  readonly count: bigint;
  readonly number: bigint;
}

/** Finding a number or an address costs steps that grow with the logarithm of the number of ranges. */
export class AddressSpace {
  readonly family: IPFamily;
  /** How many addresses there are; their numbers are below it. */
  readonly size: bigint;
  readonly #ranking: Ranking;
  readonly #byNumber: readonly Stretch[];
  readonly #byRank: readonly Stretch[];

  /** Of the ranges of this family, in their order. No two may share an address. */
  constructor(family: IPFamily, ranges: readonly AddressRange[], options: { readonly avoidBuggyIPs?: boolean } = {}) {
    this.family = family;
    this.#ranking = rankingOf(family, options.avoidBuggyIPs ?? false);
    const stretches: Stretch[] = [];
    let size = 0n;
    for (const range of ranges) {
      if (range.first.family !== family) continue;
      const first = this.#ranking.below(range.first.value);
      const count = this.#ranking.below(range.last.value + 1n) - first;
      if (count > 0n) stretches.push({ first, count, number: size });
      size += count;
    }
    this.size = size;
    this.#byNumber = stretches;
    this.#byRank = stretches.toSorted((a, b) => (a.first < b.first ? -1 : 1));
  }

  /** The number of an address; undefined when it is not one of these. */
  numberOf({ family, value }: IPAddress): bigint | undefined {
    if (family !== this.family || this.#ranking.isAvoided(value)) return undefined;
    const rank = this.#ranking.below(value);
    const stretch = lastFrom(this.#byRank, rank, ({ first }) => first);
    if (stretch === undefined || rank >= stretch.first + stretch.count) return undefined;
    return stretch.number + rank - stretch.first;
  }

  /** The address with a number; undefined when there is none. */
  at(number: bigint): IPAddress | undefined {
    const stretch = lastFrom(this.#byNumber, number, (each) => each.number);
    if (stretch === undefined || number >= stretch.number + stretch.count) return undefined;
    return { family: this.family, value: this.#ranking.valueAt(stretch.first + number - stretch.number) };
  }
}

/** The last of a sorted list whose key is at most `key`. */
function lastFrom<T>(sorted: readonly T[], key: bigint, keyOf: (item: T) => bigint): T | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = sorted[middle];
    if (item !== undefined && keyOf(item) <= key) low = middle + 1;
    else high = middle;
  }
  return sorted[low - 1];
}
