/**
 * Election of the one process that does some work, by a Lease, as client-go does it. Whether the holder still lives is judged by
 * how long this process has seen no sign of it, on a clock that nobody sets: clocks of machines are never compared.
 * https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
 */

import { Lease } from '../api/coordination/v1/lease.ts';
import { termOf } from '../api/coordination/v1/term.ts';
import type { ObjectKey } from '../api/meta/v1.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { type Duration, milliseconds, seconds } from '../lib/duration.ts';
import type { Client } from './client.ts';
import { failureFields, ignoreNotFound } from './expected.ts';
import { Informer } from './informer.ts';
import { type Observed, observed, released, renewed, taken, untilFree } from './leader-record.ts';

export interface ElectionTiming {
  /** For how long others believe in a leader that they do not hear of. Whole seconds. */
  readonly duration: Duration;
  /** How long a leader acts without having renewed its lease: less than `duration`, so that it ends before another begins. */
  readonly renewDeadline: Duration;
  /** Between renewals, and between attempts that fail. */
  readonly retryPeriod: Duration;
}

/** The times that go with a duration of whole seconds, which are to one another about as those of Kubernetes' own components. */
export function electionTiming(duration: Duration): ElectionTiming {
  return { duration, renewDeadline: milliseconds(duration * 0.75), retryPeriod: milliseconds(duration / 4) };
}

/** Where the API is close by: another leads within 3 s. */
export const QUICK_ELECTION: ElectionTiming = electionTiming(seconds(2));

/** How much sooner a renewal is tried again that has failed. */
const HASTE = 5;

export interface ElectionOptions {
  /** For the lease alone. */
  readonly client: Client;
  readonly lease: ObjectKey;
  /** Of this process and no other, ever: a process that starts again is another. */
  readonly identity: string;
  readonly timing: ElectionTiming;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** A time during which this process leads. */
export interface Term {
  /** Names it among all terms of the lease that there ever were. */
  readonly id: string;
  /** Aborted when it is over: the lease was lost, or could not be renewed in time. */
  readonly signal: AbortSignal;
  /** Whether nobody else can lead by now. False in time, even before the signal is heard. */
  isCurrent(): boolean;
  /** Ends it, and lets the next begin at once. To be called when what was done in it has ended. */
  end(): Promise<void>;
}

/** Takes part in an election from `start` until the signal is aborted. */
export class LeaderElection {
  readonly #options: ElectionOptions;
  readonly #clock: Clock;
  readonly #informer: Informer<Lease>;
  #observed: Observed | undefined;
  /** Resolves when the lease changes. */
  #news = Promise.withResolvers<void>();
  #leads = false;

  constructor(options: ElectionOptions) {
    const { client, lease, log, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    const { namespace, name } = lease;
    this.#informer = new Informer({
      ...{ client, kind: Lease, log, clock },
      ...(namespace === undefined ? {} : { namespace }),
      fieldSelector: `metadata.name=${name}`,
    });
    this.#informer.onChange(({ object }) => this.#see(object));
  }

  /** Whether this process leads now: `leader_election_master_status`. */
  get leads(): boolean {
    return this.#leads;
  }

  start(signal: AbortSignal): void {
    this.#informer.start(signal);
  }

  /**
   * Waits for the next term of this process, one at a time. When it begins, what was written in earlier terms has been told
   * to who watches by the same server. Rejects with the signal's reason.
   */
  async next(signal: AbortSignal): Promise<Term> {
    const { log, timing, lease: key } = this.#options;
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      try {
        const term = await this.#attempt(signal);
        if (term !== undefined) return term;
        failures = 0;
      } catch (err) {
        const fields = { ...failureFields(err), lease: key.name };
        if (failures++ === 0) log.warn(fields, 'cannot take part in the election of a leader; trying again');
        else log.debug(fields, 'still cannot take part in the election of a leader');
        await this.#clock.sleep(timing.retryPeriod, signal);
      }
    }
  }

  /** Waits until the lease may be taken, and tries to. Undefined: somebody else was first, or there is news. */
  async #attempt(signal: AbortSignal): Promise<Term | undefined> {
    const { client, lease: key, identity, timing } = this.#options;
    const seen = this.#observed ?? this.#see(await client.get(Lease, key).catch(ignoreNotFound));
    const wait = untilFree(seen, identity, this.#clock.steady());
    if (wait > 0) {
      await this.#sleepOrNews(wait, signal);
      return undefined;
    }
    const asked = this.#clock.steady();
    const bid = taken(seen.lease, { key, identity, duration: timing.duration, now: this.#clock.now() });
    try {
      const call = seen.lease === undefined ? client.create(Lease, bid) : client.update(Lease, bid);
      return await this.#begin(await call, asked, signal);
    } catch (error) {
      const isNews = isConflict(error) || isAlreadyExists(error) || (seen.lease !== undefined && isNotFound(error));
      if (!isNews) throw error;
      // It has changed since it was seen: what it says now counts from now on.
      this.#observed = undefined;
      return undefined;
    }
  }

  async #begin(lease: Lease, asked: number, signal: AbortSignal): Promise<Term> {
    const { log, lease: key, identity, timing } = this.#options;
    const tenure = new Tenure(this.#options, this.#clock, lease, asked, (isOver) => {
      this.#leads = !isOver;
      // Whatever it says, it has said it for no longer than this.
      this.#observed = undefined;
    });
    log.info({ lease: `${key.namespace}/${key.name}`, identity, term: tenure.id }, 'this process leads now');
    // What leads acts on what it has been told: by then that includes all that was written before.
    const told = () => this.#informer.list().some((found) => termOf(found) === tenure.id);
    const limit = this.#clock.steady() + timing.duration;
    while (!told() && tenure.isCurrent() && this.#clock.steady() < limit) {
      await this.#sleepOrNews(Math.min(timing.retryPeriod, limit - this.#clock.steady()), signal).catch(() => {});
      if (signal.aborted) {
        await tenure.end();
        throw signal.reason;
      }
    }
    return tenure;
  }

  #see(lease: Lease | undefined): Observed {
    this.#observed = observed(this.#observed, lease, this.#clock.steady());
    this.#news.resolve();
    this.#news = Promise.withResolvers();
    return this.#observed;
  }

  async #sleepOrNews(duration: number, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const sleep = this.#clock.sleep(duration, AbortSignal.any([signal, done.signal]));
    // Told by the race, or of no interest any more.
    sleep.catch(() => {});
    await Promise.race([this.#news.promise, sleep]).finally(() => done.abort());
  }
}

/** One term: renews its lease until it is lost or ended. */
class Tenure implements Term {
  readonly id: string;
  readonly #options: ElectionOptions;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  readonly #onChange: (isOver: boolean) => void;
  #lease: Lease;
  /** Milliseconds of the steady clock until which nobody else leads. */
  #until: number;
  /** When it is renewed next, on the steady clock. After one that failed it is due at once. */
  #due: number;
  #isRenewing = false;
  /** The last renewal, which may be under way. */
  #renewal: Promise<void> = Promise.resolve();

  constructor(
    options: ElectionOptions,
    clock: Clock,
    lease: Lease,
    asked: number,
    onChange: (isOver: boolean) => void,
  ) {
    this.id = termOf(lease) ?? '';
    this.#options = options;
    this.#clock = clock;
    this.#lease = lease;
    // Counted from before it was asked for: others have seen it later.
    this.#until = asked + options.timing.renewDeadline;
    this.#due = asked + options.timing.retryPeriod;
    this.#onChange = onChange;
    onChange(false);
    void this.#keep();
    void this.#watchDeadline();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  isCurrent(): boolean {
    return !this.signal.aborted && this.#clock.steady() < this.#until;
  }

  async end(): Promise<void> {
    const { client, log, timing } = this.#options;
    const isHeld = this.isCurrent();
    this.#finish();
    if (!isHeld) return;
    const release = async () => {
      await this.#renewal;
      await client.update(Lease, released(this.#lease, this.#clock.now()));
    };
    const done = release().catch((err: unknown) => {
      log.debug({ err, lease: this.#options.lease.name }, 'could not give up the lead; it ends by itself');
    });
    const waited = new AbortController();
    const late = this.#clock.sleep(timing.retryPeriod, waited.signal).catch(() => {}); // Aborted: nobody waits for it.
    await Promise.race([done, late]).finally(() => waited.abort());
  }

  #finish(): void {
    if (this.signal.aborted) return;
    this.#over.abort();
    this.#onChange(true);
  }

  #lose(why: string, err?: unknown): void {
    if (this.signal.aborted) return;
    const { log, lease } = this.#options;
    log.warn(
      { ...(err === undefined ? {} : failureFields(err)), lease: lease.name, term: this.id },
      `lost the lead: ${why}`,
    );
    this.#finish();
  }

  async #keep(): Promise<void> {
    const haste = this.#options.timing.retryPeriod / HASTE;
    while (!this.signal.aborted) {
      const left = this.#due - this.#clock.steady();
      // The signal is looked at. One that is under way says when the next is due.
      await this.#clock.sleep(Math.max(left, haste), this.signal).catch(() => {});
      if (this.signal.aborted || this.#isRenewing || this.#clock.steady() < this.#due) continue;
      this.#isRenewing = true;
      this.#renewal = this.#renew().finally(() => {
        this.#isRenewing = false;
      });
    }
  }

  async #renew(): Promise<void> {
    const { client, log, timing } = this.#options;
    const asked = this.#clock.steady();
    try {
      const lease = await client.update(Lease, renewed(this.#lease, this.#clock.now()));
      if (this.signal.aborted) return;
      this.#lease = lease;
      this.#until = asked + timing.renewDeadline;
      this.#due = asked + timing.retryPeriod;
    } catch (error) {
      if (isNotFound(error)) this.#lose('the lease was deleted', error);
      else if (isConflict(error)) await this.#readAgain();
      else
        log.debug(
          { ...failureFields(error), lease: this.#options.lease.name },
          'could not renew the lease; trying again',
        );
    }
  }

  /** Somebody has written the lease: another leader, or anybody who set a label of it. */
  async #readAgain(): Promise<void> {
    const { client, lease: key, log } = this.#options;
    try {
      const lease = await client.get(Lease, key);
      if (termOf(lease) === this.id) this.#lease = lease;
      else this.#lose(`${lease.spec?.holderIdentity ?? 'nobody'} holds the lease`);
    } catch (error) {
      if (isNotFound(error)) this.#lose('the lease was deleted', error);
      else log.debug({ ...failureFields(error), lease: key.name }, 'could not read the lease; trying again');
    }
  }

  async #watchDeadline(): Promise<void> {
    while (!this.signal.aborted) {
      const left = this.#until - this.#clock.steady();
      if (left <= 0) {
        this.#lose('its lease could not be renewed in time');
        return;
      }
      await this.#clock.sleep(left, this.signal).catch(() => {}); // The signal is looked at.
    }
  }
}
