/** Which of many ranges an address is in. */
import type { AddressRange } from '../lib/address-range.ts';
import { addIP, compareIP, type IPAddress } from '../lib/ip.ts';

/** A range, and what is known of all its addresses. */
export interface RangeEntry<T> extends AddressRange {
  readonly value: T;
}

/** Ranges that share no address, of both families. Finding one costs steps that grow with the logarithm of their number. */
export class RangeMap<T> {
  /** By address. */
  readonly #entries: RangeEntry<T>[] = [];

  find(ip: IPAddress): RangeEntry<T> | undefined {
    const entry = this.#entries[this.#firstEndingFrom(ip)];
    return entry !== undefined && compareIP(entry.first, ip) <= 0 ? entry : undefined;
  }

  /** The entries that share an address with a range, lowest first. */
  overlapping({ first, last }: AddressRange): readonly RangeEntry<T>[] {
    const found: RangeEntry<T>[] = [];
    for (let i = this.#firstEndingFrom(first); i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry === undefined || compareIP(entry.first, last) > 0) break;
      found.push(entry);
    }
    return found;
  }

  /** Adds what no other range has of this one, and returns that: the pieces, lowest first. */
  add(range: AddressRange, value: T): readonly RangeEntry<T>[] {
    const pieces: RangeEntry<T>[] = [];
    let { first } = range;
    for (const other of this.overlapping(range)) {
      if (compareIP(first, other.first) < 0) pieces.push({ first, last: addIP(other.first, -1), value });
      first = addIP(other.last, 1);
    }
    if (compareIP(first, range.last) <= 0) pieces.push({ first, last: range.last, value });
    for (const piece of pieces) this.#entries.splice(this.#firstEndingFrom(piece.first), 0, piece);
    return pieces;
  }

  /** The place of the first entry whose last address is `ip` or comes after it. */
  #firstEndingFrom(ip: IPAddress): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && compareIP(entry.last, ip) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
