/** Numbers drawn from names: everybody draws the same. */
import { createHash } from 'node:crypto';

/** 32 bits. */
export type Lot = number;

export const lotOf = (text: string): Lot => createHash('sha256').update(text).digest().readInt32BE(0);

/** A lot that depends on every bit of both: the finalizer of MurmurHash3 (Appleby, in the public domain). */
export function mixed(a: Lot, b: Lot): Lot {
  let h = (a ^ Math.imul(b, 0x9e3779b1)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
