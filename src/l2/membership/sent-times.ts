/** When the latest heartbeats were sent: an echo of one of them proves when it was made. */
const KEPT = 512;

export class SentTimes {
  readonly #at = new Float64Array(KEPT);
  #latest = 0;

  /** The next sequence number, which is sent now. The first is 1. */
  next(now: number): number {
    this.#latest += 1;
    this.#at[this.#latest % KEPT] = now;
    return this.#latest;
  }

  get latest(): number {
    return this.#latest;
  }

  /** Undefined for one that was never sent, or too long ago. */
  of(sequence: number): number | undefined {
    if (sequence < 1 || sequence > this.#latest || sequence <= this.#latest - KEPT) return undefined;
    return this.#at[sequence % KEPT];
  }
}
