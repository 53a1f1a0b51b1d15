/**
 * Forgets UDP flows that lead to where nothing is any more, behind whatever else the node does. One look at the kernel's
 * flows serves all changes that were made until then, and looks are spaced so that they take a fifth of the time at most.
 */
import { BackOff } from '../../client/back-off.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Conntrack } from '../../netfilter/conntrack/conntrack.ts';
import type { Changes, Forwarded } from '../mode.ts';
import { filtersFor, type Suspects, UDPEntrances } from './udp-entrances.ts';

/** For each millisecond of looking, so many of rest; short looks need none. */
const REST = 4;
const SHORT = 5;
/** The wall clock may be set while a look lasts. */
const LONGEST_REST = seconds(10);
/** Times that a look fails before its flows are left alone, so that a kernel without ctnetlink costs nothing. */
const ATTEMPTS = 5;

export interface FlowKeeperOptions {
  readonly conntrack: Conntrack;
  readonly clock: Clock;
  readonly log: Logger;
}

export class FlowKeeper {
  /** Flows that were forgotten. */
  deleted = 0;
  /** Looks at the kernel's flows. */
  looks = 0;
  /** Looks that failed. */
  failures = 0;
  readonly #options: FlowKeeperOptions;
  readonly #entrances = new UDPEntrances();
  #signal: AbortSignal | undefined;
  #working: Promise<void> | undefined;

  constructor(options: FlowKeeperOptions) {
    this.#options = options;
  }

  /** Once the signal is aborted, what is to be forgotten is tried once more, without rest. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#work();
  }

  /** All of this has taken effect in the kernel, in place of what it had. */
  load(everything: Forwarded): void {
    this.#entrances.load(everything);
    this.#work();
  }

  /** These changes have taken effect in the kernel. */
  change(changes: Changes): void {
    this.#entrances.change(changes);
    this.#work();
  }

  /** Resolves when there is nothing left to forget. */
  async idle(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  #work(): void {
    if (this.#signal === undefined || this.#working !== undefined) return;
    this.#working = this.#loop(this.#signal).finally(() => {
      this.#working = undefined;
      // What came after the loop had looked for the last time.
      if (this.#entrances.suspicious) this.#work();
    });
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const backOff = new BackOff({ first: 100, max: seconds(10), jitter: 0.5 });
    for (let attempt = 1; ; ) {
      const suspects = this.#entrances.takeSuspects();
      if (suspects.size === 0) return;
      const started = this.#options.clock.steady();
      const error = await this.#look(suspects);
      const took = this.#options.clock.steady() - started;
      if (error === undefined) {
        attempt = 1;
        backOff.reset();
        if (took > SHORT) await this.#rest(Math.min(REST * took, LONGEST_REST), signal);
      } else if (attempt++ < ATTEMPTS && !signal.aborted) {
        this.#entrances.putBack(suspects);
        await this.#rest(backOff.next(), signal);
      } else {
        this.#options.log.error({ err: error }, 'UDP flows to endpoints that are gone cannot be ended, and may go on');
        attempt = 1;
      }
    }
  }

  /** What was wrong, if anything. */
  async #look(suspects: Suspects): Promise<unknown> {
    this.looks++;
    try {
      for (const family of IP_FAMILIES) await this.#forget(family, suspects);
      return undefined;
    } catch (error) {
      this.failures++;
      return error;
    }
  }

  async #forget(family: (typeof IP_FAMILIES)[number], suspects: Suspects): Promise<void> {
    const { conntrack, log } = this.#options;
    const own = [...suspects.values()].filter((suspect) => suspect.family === family);
    if (own.length === 0) return;
    const before = this.deleted;
    for (const filter of filtersFor(family, own)) {
      for await (const flows of conntrack.flows(filter)) {
        const stale = flows.filter((flow) => this.#entrances.isStale(flow, suspects));
        const deleted = stale.length === 0 ? 0 : await conntrack.delete(stale);
        this.deleted += deleted;
      }
    }
    const deleted = this.deleted - before;
    if (deleted > 0) log.info({ family, deleted }, 'ended UDP flows to endpoints that are gone');
  }

  async #rest(duration: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(duration, signal).catch(() => {}); // The loop looks at the signal.
  }
}
