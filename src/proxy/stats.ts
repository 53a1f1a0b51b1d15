/** How quickly changes reach the kernel: the number that users feel, kept for metrics and benches. */

/** Samples that quantiles are taken over: the latest ones. */
const WINDOW = 4096;

export class SyncStats {
  /** Transactions that took effect. */
  syncs = 0;
  /** Those of them that replaced whole tables. */
  fullSyncs = 0;
  /** Transactions that were refused. */
  failures = 0;
  /** Times that rules of ours were gone and were put back. */
  restored = 0;
  /** Services that the kernel refuses now. */
  refused = 0;
  /** Changed objects whose rules are in the kernel. */
  changes = 0;
  readonly #samples = new Float64Array(WINDOW);

  /** Notes a change that took this long from its arrival until it was in the kernel, in milliseconds. */
  record(duration: number): void {
    this.#samples[this.changes % WINDOW] = duration;
    this.changes++;
  }

  /** The time, in milliseconds, that this share of the latest changes stayed under; undefined before the first. */
  quantile(share: number): number | undefined {
    const count = Math.min(this.changes, WINDOW);
    const sorted = this.#samples.slice(0, count).sort();
    return sorted[Math.min(count - 1, Math.floor(share * count))];
  }
}
