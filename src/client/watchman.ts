/**
 * Notices that a server has fallen silent: one that is stopped, or that packets no longer reach, says nothing, and neither does its
 * connection. Only where there is another server to go to; where there is none, waiting is all that can be done.
 */
import type { Clock } from '../host/clock.ts';
import { milliseconds, seconds } from '../lib/duration.ts';
import { messageOf } from '../lib/errors.ts';
import type { Connections } from './connections.ts';

/** A server that has said nothing for so long is asked whether it lives. */
const SILENCE = milliseconds(800);
/** How long it may take to answer that: at first, and at most. */
const LIMIT = milliseconds(800);
const LIMIT_MAX = seconds(10);
/** Without a silent server for so long, what follows is a new story. */
const CALM = seconds(30);
/** So many may fall silent, one after the other, before it is rather they, or we, who are too busy. */
const LOST_MAX = 3;

export class Watchman {
  readonly #clock: Clock;
  readonly #silent: (connections: Connections, cause: Error) => void;
  #watched: Connections | undefined;
  #stopped = new AbortController();
  #limit: number = LIMIT;
  #lostAt = Number.NEGATIVE_INFINITY;
  /** How many were lost without calm in between. */
  #lostCount = 0;

  /** `silent` is told of connections whose server does not answer any more. */
  constructor(clock: Clock, silent: (connections: Connections, cause: Error) => void) {
    this.#clock = clock;
    this.#silent = silent;
  }

  /** Looks after the server of these connections, for as long as somebody waits for it; of no other any more. */
  watch(connections: Connections): void {
    if (this.#watched === connections) return;
    this.stop();
    this.#watched = connections;
    this.#stopped = new AbortController();
    void this.#run(connections, this.#stopped.signal);
  }

  stop(): void {
    this.#watched = undefined;
    this.#stopped.abort();
  }

  async #run(connections: Connections, stopped: AbortSignal): Promise<void> {
    try {
      // At least once: whoever called us is about to send a request.
      do await this.#lookAfter(connections, stopped);
      while (connections.busy && !stopped.aborted);
    } catch (error) {
      if (!stopped.aborted) this.#lost(connections, error);
    }
    if (this.#watched === connections) this.#watched = undefined;
  }

  /** Waits until the server has been silent for long, and asks it. Rejects when it does not answer. */
  async #lookAfter(connections: Connections, stopped: AbortSignal): Promise<void> {
    const quiet = this.#clock.steady() - connections.heardAt;
    if (quiet < SILENCE) return this.#clock.sleep(SILENCE - quiet, stopped);
    if (!connections.busy) return this.#clock.sleep(SILENCE, stopped);
    await connections.probe(this.#limit);
  }

  #lost(connections: Connections, error: unknown): void {
    const now = this.#clock.steady();
    this.#lostCount = now - this.#lostAt < CALM ? this.#lostCount + 1 : 1;
    // Going to and fro between servers that are busy, or from a machine that is, helps nobody.
    this.#limit = Math.min(LIMIT_MAX, LIMIT * 2 ** Math.max(0, this.#lostCount - LOST_MAX));
    this.#lostAt = now;
    const cause = new Error(`${connections.server.name} has fallen silent: ${messageOf(error)}`, { cause: error });
    this.#silent(connections, cause);
  }
}
