/** How long to wait before a provider is asked the next time. */
import { BackOff } from '../../../client/back-off.ts';
import { type Duration, minutes, seconds } from '../../../lib/duration.ts';

/** Before something that failed is tried again: doubles from the first to the last. */
const RETRY = { first: seconds(5), max: minutes(5), jitter: 0.25 };
/** Share of the time between two looks that is left to chance, so that thousands do not come at once. */
const SPREAD = 0.25;
/** A provider that asks to be left alone for longer is asked all the same. */
const LATEST: Duration = minutes(5);

export interface WaitsOptions {
  /** How often what is as it should be is looked at again. */
  readonly sweep: Duration;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Kept for each key; all times in milliseconds. */
export class Waits {
  readonly #options: WaitsOptions;
  readonly #failing = new Map<string, { readonly backOff: BackOff; readonly until: number }>();

  constructor(options: WaitsOptions) {
    this.#options = options;
  }

  /** After a success; the next failure is the first again. */
  succeeded(key: string): number {
    this.#failing.delete(key);
    const { sweep, random } = this.#options;
    return sweep * (1 - SPREAD * random());
  }

  /** After a failure: longer each time, and not before whoever failed wants it, as `retryAfter` of the error says. */
  failed(key: string, error: unknown, now: number): number {
    const { random } = this.#options;
    const backOff = this.#failing.get(key)?.backOff ?? new BackOff({ ...RETRY, random });
    const wait = Math.max(retryAfterOf(error), backOff.next());
    this.#failing.set(key, { backOff, until: now + wait });
    return wait;
  }

  /** For how long what fails is to be left alone still; 0: it may be asked. */
  rest(key: string, now: number): number {
    return Math.max(0, (this.#failing.get(key)?.until ?? 0) - now);
  }

  forget(key: string): void {
    this.#failing.delete(key);
  }
}

function retryAfterOf(error: unknown): number {
  const after = error instanceof Error && 'retryAfter' in error ? error.retryAfter : undefined;
  return typeof after === 'number' && after > 0 ? Math.min(after, LATEST) : 0;
}
