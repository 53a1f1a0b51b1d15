/**
 * So that tokens cannot be tried out, and checking them is no way to keep the server busy: each source (`source.ts`) has so many
 * failures a second.
 */

import { type ApiError, failure } from '../../../api/status.ts';
import type { Clock } from '../../../host/clock.ts';

/** Failures that may come at once, and so many more each second. */
const BURST = 50;
const PER_SECOND = 5;
/** Sources that are remembered; the one that failed the longest time ago is forgotten first. */
const SOURCES_MAX = 10_000;

interface Failures {
  /** How many more are borne, at `at`. */
  left: number;
  at: number;
}

export class FailedTokens {
  readonly #clock: Clock;
  readonly #sources = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws an ApiError, 429, while a source has had too many failures for its tokens to be looked at. */
  check(source: string | undefined): void {
    const found = source === undefined ? undefined : this.#sources.get(source);
    if (found === undefined || this.#left(found) >= 1) return;
    throw tooMany();
  }

  /** A token from there was not good. */
  failed(source: string | undefined): void {
    if (source === undefined) return;
    const now = this.#clock.steady();
    const found = this.#sources.get(source);
    const left = found === undefined ? BURST : this.#left(found);
    // Last in the order of the map, as it failed last.
    this.#sources.delete(source);
    this.#sources.set(source, { left: Math.max(0, left - 1), at: now });
    if (this.#sources.size <= SOURCES_MAX) return;
    const [oldest] = this.#sources.keys();
    if (oldest !== undefined) this.#sources.delete(oldest);
  }

  #left({ left, at }: Failures): number {
    return Math.min(BURST, left + ((this.#clock.steady() - at) / 1000) * PER_SECOND);
  }
}

function tooMany(): ApiError {
  return failure(429, 'TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
}
