/** Node ports of Services. */
import type { Random } from '../lib/random.ts';
import { chooseFree, lowerBandSize, splitBands } from './bands.ts';

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

// https://kubernetes.io/blog/2023/05/11/nodeport-dynamic-and-static-allocation/
const STATIC_BAND = { divisor: 32n, least: 16n, most: 128n };

/**
 * A free port: from the upper part of the range while that has one, else from the lowest ports, which are meant for
 * those who ask for a port by number. Undefined exactly when every port is taken.
 */
export function chooseNodePort(
  range: PortRange,
  isTaken: (port: number) => boolean,
  random: Random,
): number | undefined {
  const all = { first: BigInt(range.first), count: BigInt(range.last - range.first + 1) };
  const bands = splitBands(all, lowerBandSize(all.count, STATIC_BAND));
  const port = chooseFree(bands, (port) => isTaken(Number(port)), random);
  return port === undefined ? undefined : Number(port);
}
