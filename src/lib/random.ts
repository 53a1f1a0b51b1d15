/** Randomness as a parameter, so that what depends on it can be repeated. */

/** Numbers from 0 up to but not including 1, as `Math.random`. */
export type Random = () => number;

/** A whole number from 0 up to but not including `count`, which is at most 2^32. */
export function randomBelow(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** As {@link randomBelow}, for counts of any size. */
export function randomBigIntBelow(random: Random, count: bigint): bigint {
  // 64 bits more than the count has: the remainder's bias is then below 2^-64.
  let value = 0n;
  for (let bits = count.toString(2).length + 64; bits > 0; bits -= 32) {
    value = (value << 32n) | BigInt(randomBelow(random, 2 ** 32));
  }
  return value % count;
}

/** The same numbers for the same seed: mulberry32, which is good enough for tests and for spreading, not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
