/** Cluster IPs of Services. */
import { type CIDR, cidrSize, type IPAddress } from '../lib/ip.ts';
import type { Random } from '../lib/random.ts';
import { type Band, chooseFree, lowerBandSize, splitBands } from './bands.ts';

// https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/#avoid-ClusterIP-conflict
const STATIC_BAND = { divisor: 16n, least: 16n, most: 256n };

/**
 * A free address of a Service range: from its upper part while that has one, else from the lowest addresses, which are
 * meant for those who ask for an address by name. Undefined exactly when every usable address is taken.
 */
export function chooseClusterIP(
  range: CIDR,
  isTaken: (ip: IPAddress) => boolean,
  random: Random,
): IPAddress | undefined {
  const { family } = range.base;
  const usable = usableBand(range);
  // The documentation counts the whole range, so that a /24 has its first 16 addresses in the lower band.
  const bands = splitBands(usable, lowerBandSize(cidrSize(range), STATIC_BAND));
  const value = chooseFree(bands, (value) => isTaken({ family, value }), random);
  return value === undefined ? undefined : { family, value };
}

/** Whether a Service can have this address of the range: neither the network's own nor, in IPv4, its broadcast address. */
export function isUsableClusterIP(range: CIDR, ip: IPAddress): boolean {
  const { first, count } = usableBand(range);
  return ip.family === range.base.family && ip.value >= first && ip.value < first + count;
}

function usableBand(range: CIDR): Band {
  const reserved = range.base.family === 'IPv4' ? 2n : 1n;
  const size = cidrSize(range);
  return { first: range.base.value + 1n, count: size > reserved ? size - reserved : 0n };
}
