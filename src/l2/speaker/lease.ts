/** This announcer's own Lease: its sign of life by the API, and how it learns whether the API can be reached. */
import { Lease } from '../../api/coordination/v1/lease.ts';
import type { Node } from '../../api/core/v1/node.ts';
import {
  ANNOUNCER_LEASE_NAMESPACE,
  type AnnouncerFacts,
  announcerLease,
  announcerLeaseInterval,
  announcerLeaseName,
} from '../../api/metallb/v1beta1/announcer-lease.ts';
import { ApiError, isNotFound } from '../../api/status.ts';
import { type Client, TransportError } from '../../client/client.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { Wake } from '../../host/wake.ts';
import { type Duration, milliseconds, seconds } from '../../lib/duration.ts';

/** Between two attempts of a node that hears no other: whether it is cut off has to be known soon. */
const ALONE_INTERVAL = seconds(1);
/**
 * How much sooner than else it is tried again when the API has not answered. Each renewal is told to all announcers: where there are many,
 * an API that has too much to do would get the more to do the slower it is.
 */
const HASTE = 5;
/** An answer that takes longer is none; heard from nobody, a node waits less. */
const LIMIT = seconds(3);
const ALONE_LIMIT = milliseconds(800);
/** Between two attempts at least, whatever changes. */
const LEAST_INTERVAL = milliseconds(500);
/** Attempts that wait for one answer, before another request is made beside it. */
const PATIENCE = 3;
/** The most that deleting the lease may hold up the end. */
const RELEASE_LIMIT = milliseconds(500);

export interface OwnLeaseOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the lease is to say now. */
  readonly facts: () => AnnouncerFacts;
  /** How many announcers there are, this one among them. */
  readonly announcers: () => number;
  /** Whether nobody else is heard, although there are others. */
  readonly isAlone: () => boolean;
  /** This machine's Node, which the lease goes with; undefined while it is not known. */
  readonly node: () => Node | undefined;
  /** Told whether the API answers: first, and when that changes. */
  readonly reachable: (reachable: boolean) => void;
}

export class OwnLease {
  readonly #options: OwnLeaseOptions;
  readonly #wake = new Wake();
  /** Between this renewal and the next. */
  #interval: Duration = announcerLeaseInterval(1);
  #isReachable: boolean | undefined;
  #isReleased = false;
  #hasWarned = false;
  /** A request that has got no answer yet, maybe long after its time, and the attempts that have waited for it. */
  #pending: { readonly answer: Promise<void>; waited: number } | undefined;

  constructor(options: OwnLeaseOptions) {
    this.#options = options;
  }

  /** What it says has changed, or whether the API is there is wanted: it is renewed now rather than later. */
  renewSoon(): void {
    this.#wake.now();
  }

  /** Renews until the signal is aborted or the lease is released. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, isAlone, announcers } = this.#options;
    while (!signal.aborted && !this.#isReleased) {
      this.#interval = announcerLeaseInterval(announcers());
      await this.#attempt(isAlone() ? ALONE_LIMIT : LIMIT, signal);
      await clock.sleep(LEAST_INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
      if (!signal.aborted) await this.#wake.sleep(clock, this.#untilNext() - LEAST_INTERVAL, signal);
    }
  }

  /** Milliseconds until the next attempt, if nothing happens. */
  #untilNext(): number {
    if (this.#options.isAlone()) return ALONE_INTERVAL;
    return this.#isReachable === false ? Math.max(ALONE_INTERVAL, this.#interval / HASTE) : this.#interval;
  }

  /** Says that this announcer is gone; within half a second, whether it succeeds or not. */
  async release(): Promise<void> {
    const { client, nodeName, clock, log } = this.#options;
    this.#isReleased = true;
    this.#wake.now();
    const key = { namespace: ANNOUNCER_LEASE_NAMESPACE, name: announcerLeaseName(nodeName) };
    // One that is on its way must not bring the lease back.
    const gone = (this.#pending?.answer.catch(() => {}) ?? Promise.resolve())
      .then(() => client.delete(Lease, key))
      .catch(ignoreNotFound)
      .catch((err: unknown) => log.debug({ err }, 'cannot delete the announcer’s lease; it runs out by itself'));
    const limit = new AbortController();
    await Promise.race([gone, clock.sleep(RELEASE_LIMIT, limit.signal).catch(() => {})]);
    limit.abort();
  }

  async #attempt(limit: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const answered = new AbortController();
    const late = clock.sleep(limit, AbortSignal.any([signal, answered.signal])).then(
      () => {
        throw new TransportError(`the API has not answered within ${limit} ms`);
      },
      () => {}, // Answered, or at the end.
    );
    try {
      await Promise.race([this.#request(), late]);
      this.#hasWarned = false;
      this.#note(true);
    } catch (err) {
      if (signal.aborted) return;
      const answers = err instanceof ApiError && err.code < 500;
      this.#note(answers);
      if (this.#hasWarned) log.debug({ err }, 'still cannot renew the announcer’s lease');
      else log.warn({ err, namespace: ANNOUNCER_LEASE_NAMESPACE }, 'cannot renew the announcer’s lease; retrying');
      this.#hasWarned = true;
    } finally {
      answered.abort();
    }
  }

  /** One that hangs is waited for again, rather than joined by more and more; but its connection may be dead. */
  #request(): Promise<void> {
    if (this.#pending === undefined || this.#pending.waited >= PATIENCE) {
      const pending = { answer: this.#renew(), waited: 0 };
      const done = () => {
        if (this.#pending === pending) this.#pending = undefined;
      };
      pending.answer.then(done, done);
      this.#pending = pending;
    }
    this.#pending.waited++;
    return this.#pending.answer;
  }

  #note(reachable: boolean): void {
    if (this.#isReachable === reachable) return;
    this.#isReachable = reachable;
    this.#options.reachable(reachable);
  }

  async #renew(): Promise<void> {
    const { client, clock, facts, node } = this.#options;
    const lease = announcerLease(facts(), clock.now(), this.#interval);
    const { name, namespace, annotations } = lease.metadata;
    try {
      const body = { metadata: { annotations }, spec: lease.spec };
      await client.patch(Lease, { namespace, name } as { namespace: string; name: string }, { type: 'merge', body });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const owner = node();
      const ownerReferences = owner && [
        { apiVersion: 'v1', kind: 'Node', name: owner.metadata.name ?? '', uid: owner.metadata.uid ?? '' },
      ];
      await client.create(Lease, {
        ...lease,
        metadata: { ...lease.metadata, ...(ownerReferences && { ownerReferences }) },
      });
    }
  }
}
