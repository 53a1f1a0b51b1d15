/**
 * Who announces an address, best first. Every node computes the same order from the same objects, without talking to the
 * others: rendezvous hashing (Thaler and Ravishankar, 1998), so that a node that comes or goes moves only its own addresses.
 */
import { createHash } from 'node:crypto';

/** A text as 64 bits, of which an election mixes those of an address with those of each node. */
export interface Seed {
  readonly high: number;
  readonly low: number;
}

/** A node that stands for election. */
export interface Standing {
  readonly node: string;
  readonly seed: Seed;
  /** Those of a lower tier come before all of a higher one. */
  readonly tier: number;
  /** Within a tier, the weight of the preferences that match the node: more comes first. */
  readonly preference: number;
}

/** The seed of a node's name or of an address. */
export function seedOf(text: string): Seed {
  const digest = createHash('sha256').update(text).digest();
  return { high: digest.readInt32BE(0), low: digest.readInt32BE(4) };
}

/** The order in which nodes announce an address: by tier, by preference, by lot. The order they are given in does not matter. */
export function rank<T extends Standing>(address: string, nodes: readonly T[]): readonly T[] {
  const seed = seedOf(address);
  return nodes
    .map((standing) => ({ standing, lot: lot(standing.seed, seed) }))
    .sort(
      (a, b) =>
        a.standing.tier - b.standing.tier ||
        b.standing.preference - a.standing.preference ||
        b.lot - a.lot ||
        (a.standing.node < b.standing.node ? -1 : 1),
    )
    .map(({ standing }) => standing);
}

/** A number of 53 bits that depends on every bit of both. */
function lot(a: Seed, b: Seed): number {
  const high = mix(mix(a.high ^ b.high) + (a.low ^ b.low));
  const low = mix(high ^ a.low ^ Math.imul(b.low, 0x9e3779b1));
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}

/** Spreads every bit of 32 over all of them: the finalizer of MurmurHash3 (Appleby, in the public domain). */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
