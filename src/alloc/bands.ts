/** A free number at random from bands that are tried one after the other. */
import { type Random, randomBigIntBelow } from '../lib/random.ts';

/** `count` numbers from `first` on; none when `count` is 0 or less. */
export interface Band {
  readonly first: bigint;
  readonly count: bigint;
}

/**
 * Splits numbers into the upper band, from which free ones are given out, and the lower, which is left to those who
 * name the number they want for as long as there is another way. The first of the result is to be tried first.
 */
export function splitBands({ first, count }: Band, lower: bigint): readonly [Band, Band] {
  const size = lower < count ? lower : count;
  return [
    { first: first + size, count: count - size },
    { first, count: size },
  ];
}

/** Size of the lower band: a fraction of all, within bounds. */
export function lowerBandSize(
  count: bigint,
  { divisor, least, most }: Record<'divisor' | 'least' | 'most', bigint>,
): bigint {
  const share = count / divisor;
  return share < least ? least : share > most ? most : share;
}

/**
 * A number for which `isTaken` is false, from the first band that has one; undefined exactly when none has. It starts at
 * a random place and goes on from there, so it asks at most once more than there are taken numbers, however large the
 * band is.
 */
export function chooseFree(
  bands: readonly Band[],
  isTaken: (number: bigint) => boolean,
  random: Random,
): bigint | undefined {
  for (const { first, count } of bands) {
    if (count <= 0n) continue;
    const start = randomBigIntBelow(random, count);
    for (let i = 0n; i < count; i++) {
      const number = first + ((start + i) % count);
      if (!isTaken(number)) return number;
    }
  }
  return undefined;
}
