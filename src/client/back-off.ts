/** Waiting longer after each failure, so that a server in trouble is not asked faster than it recovers. */

export interface BackOffOptions {
  /** Milliseconds before the first retry. */
  readonly first: number;
  /** The longest wait, in milliseconds. */
  readonly max: number;
  /** Adds up to this share of the wait at random, so that many clients do not retry in step. Default: 0. */
  readonly jitter?: number;
  /** In [0, 1). Default: Math.random. */
  readonly random?: () => number;
}

/** Doubles from `first` to `max`; {@link reset} after a success. */
export class BackOff {
  readonly #options: BackOffOptions;
  #failures = 0;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  /** Failures since the last {@link reset}. */
  get failures(): number {
    return this.#failures;
  }

  /** The milliseconds to wait now; the next answer is twice that. */
  next(): number {
    const { first, max, jitter = 0, random = Math.random } = this.#options;
    // Beyond 2^30 the doubling has long passed any `max`.
    const wait = Math.min(max, first * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return wait * (1 + jitter * random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
