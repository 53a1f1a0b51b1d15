/**
 * What the world fails at: a store that does not answer, that is full, that denies. It is no mistake of ours that a stack would help to find,
 * and it meets every request alike, so it is told once and then now and again.
 */
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { seconds } from '../lib/duration.ts';
import { StoreFailedError } from '../store/errors.ts';
import { OutcomeUnknownError } from '../store/etcd/errors.ts';

/** An outage that goes on is told again after so long. */
const AGAIN = seconds(30);

/** Whether the error is the store's, and its message says all there is to know. */
export function isOutage(error: unknown): error is StoreFailedError | OutcomeUnknownError {
  return error instanceof StoreFailedError || error instanceof OutcomeUnknownError;
}

/** An error as fields of a line of the log: the reason of an outage, all that is known of anything else. */
export function faultFields(error: unknown): { readonly reason: string } | { readonly err: unknown } {
  return isOutage(error) ? { reason: error.message } : { err: error };
}

interface Request {
  readonly method: string | undefined;
  readonly path: string | undefined;
}

/** Tells of requests that failed in an outage: the first of each sort, then one line per half a minute with how many there were. */
export class Outages {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By the name of the error: the program knows a few. */
  readonly #told = new Map<string, { readonly at: number; untold: number }>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A request failed of this. */
  tell(error: Error, { method, path }: Request): void {
    const last = this.#told.get(error.name);
    const now = this.#clock.steady();
    if (last !== undefined && now - last.at < AGAIN) {
      last.untold++;
      return;
    }
    this.#told.set(error.name, { at: now, untold: 0 });
    const more = last === undefined || last.untold === 0 ? {} : { moreSinceLastTold: last.untold };
    this.#log.error({ reason: error.message, method, path, ...more }, 'the store failed a request');
  }
}
