/**
 * That the servers of a client cannot be followed, told once for all who follow them: one line when it begins, with the server and the
 * reason, and one when it is over, with how long it was.
 */
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { seconds } from '../lib/duration.ts';
import type { Client } from './client.ts';

/** Whoever follows the API, and where it says so. */
export interface Follower {
  readonly log: Logger;
}

/** A client goes, and what is known of it with it. */
const outages = new WeakMap<Client, Outage>();

/** That of a client: the same for all who follow by it. */
export function outageOf(client: Client, clock: Clock): Outage {
  const known = outages.get(client);
  if (known !== undefined) return known;
  const outage = new Outage(clock);
  outages.set(client, outage);
  return outage;
}

export class Outage {
  readonly #clock: Clock;
  readonly #failing = new Set<Follower>();
  /** By the steady clock. */
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `who` cannot follow. */
  failed(who: Follower, reason: string): void {
    if (this.#failing.size === 0) {
      this.#since = this.#clock.steady();
      who.log.warn({ reason }, 'cannot follow the API; retrying');
    } else {
      who.log.debug({ reason }, 'still cannot follow the API');
    }
    this.#failing.add(who);
  }

  /** `who` follows. The outage is over when all do. */
  follows(who: Follower): void {
    if (!this.#failing.delete(who) || this.#failing.size > 0) return;
    const lasted = Math.round((this.#clock.steady() - this.#since) / seconds(0.1)) / 10;
    who.log.info({ seconds: lasted }, 'following the API again');
  }

  /** `who` follows no more, whether it could or not. */
  left(who: Follower): void {
    this.#failing.delete(who);
  }
}
