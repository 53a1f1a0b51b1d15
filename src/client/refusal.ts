/**
 * What a server said whose store does not serve. It takes a server some seconds to find that out, and where the store is away from all
 * servers, each would take as long: so the others are asked first whether they are ready, and not for long.
 */
import type { Clock } from '../host/clock.ts';
import { milliseconds, seconds } from '../lib/duration.ts';
import type { Connections } from './connections.ts';

/** How long one is looked for whose store does serve: in all, and at each. */
const LIMIT = milliseconds(1500);
const READY_LIMIT = seconds(1);

/** The last refusal that the calls of a client have met. */
export class LastRefusal {
  readonly #clock: Clock;
  #error: unknown;
  #at = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A server's store does not serve, it says with `error`. */
  met(error: unknown): void {
    this.#error = error;
    this.#at = this.#clock.steady();
  }

  /** Whether other servers are still looked for. */
  get isFresh(): boolean {
    return this.#left > 0;
  }

  /**
   * Throws the refusal unless the store of this server serves. Asked before a call is made there, as what becomes of a write that is given up
   * is not known. Without a fresh refusal there is nothing to ask, but a call that was itself refused has no time left then: it would find out
   * as slowly as the first server did.
   */
  async makeSure(connections: Pick<Connections, 'isReady'>, wasRefused: boolean): Promise<void> {
    const left = this.#left;
    if (left <= 0) {
      if (wasRefused) throw this.#error;
      return;
    }
    if (!(await connections.isReady(Math.min(READY_LIMIT, left)))) throw this.#error;
  }

  get #left(): number {
    return LIMIT - (this.#clock.steady() - this.#at);
  }
}
