/** Lets calls through no faster and no more at once than OCI likes, and not without end those that wait. */
import type { Clock } from '../../../../host/clock.ts';
import { OciError } from '../calls.ts';
import type { RateLimit } from '../config.ts';

export interface GateOptions {
  readonly clock: Clock;
  /** Undefined: only the number at once counts. */
  readonly rate: RateLimit | undefined;
  /** Calls under way at once. */
  readonly concurrency: number;
  /** Calls that may wait; those beyond fail. */
  readonly waiting: number;
}

export class Gate {
  readonly #options: GateOptions;
  readonly #signal: AbortSignal;
  readonly #bucket: Bucket | undefined;
  #waiting: PromiseWithResolvers<void>[] = [];
  #underWay = 0;
  /** For the bucket to have one more. */
  #sleeps = false;

  constructor(options: GateOptions, signal: AbortSignal) {
    const { rate, clock } = options;
    this.#options = options;
    this.#signal = signal;
    this.#bucket = rate === undefined ? undefined : new Bucket(rate, clock.steady());
    signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Does the work once it is its turn. Fails with an OciError `NotSent` when it does not come to that. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#signal.aborted) throw stopped();
    if (this.#waiting.length >= this.#options.waiting) {
      throw new OciError(`${this.#waiting.length} calls to OCI wait already`, { code: 'NotSent' });
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn);
    this.#admit();
    await turn.promise;
    try {
      return await work();
    } finally {
      this.#underWay--;
      this.#admit();
    }
  }

  #admit(): void {
    const { clock, concurrency } = this.#options;
    while (this.#waiting.length > 0 && this.#underWay < concurrency && !this.#sleeps) {
      const wait = this.#bucket?.take(clock.steady()) ?? 0;
      if (wait > 0) {
        this.#sleep(wait);
        return;
      }
      this.#underWay++;
      this.#waiting.shift()?.resolve();
    }
  }

  #sleep(wait: number): void {
    this.#sleeps = true;
    this.#options.clock.sleep(wait, this.#signal).then(
      () => {
        this.#sleeps = false;
        this.#admit();
      },
      () => {}, // Closed.
    );
  }

  #close(): void {
    for (const turn of this.#waiting) turn.reject(stopped());
    this.#waiting = [];
  }
}

/** A token bucket. https://en.wikipedia.org/wiki/Token_bucket */
class Bucket {
  readonly #rate: RateLimit;
  #tokens: number;
  #at: number;

  constructor(rate: RateLimit, now: number) {
    this.#rate = rate;
    this.#tokens = rate.bucket;
    this.#at = now;
  }

  /** Takes a token, if there is one: milliseconds until there will be. */
  take(now: number): number {
    const { qps, bucket } = this.#rate;
    // A clock that is set back gives none.
    const gained = (Math.max(0, now - this.#at) / 1000) * qps;
    this.#tokens = Math.min(bucket, this.#tokens + gained);
    this.#at = now;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / qps) * 1000);
    this.#tokens--;
    return 0;
  }
}

export function stopped(): OciError {
  return new OciError('calls to OCI have ended: the program stops', { code: 'NotSent' });
}
