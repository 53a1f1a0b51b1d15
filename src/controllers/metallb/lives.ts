/** Which announcers live, by when we saw their leases change: the clocks of nodes need not agree. */
import { type AnnouncerLease, isRenewedLately } from '../../api/metallb/v1beta1/announcer-lease.ts';
import type { Clock } from '../../host/clock.ts';
import type { Duration } from '../../lib/duration.ts';
import type { Life } from './conditions.ts';

interface Seen {
  readonly at: number;
  readonly isSign: boolean;
  /** For how long it counts. */
  readonly duration: Duration;
}

/** Times that are not said to be others are milliseconds of the steady clock. */
export class Lives {
  /** When something was last seen of a node's announcer, and whether that was a change. */
  readonly #seen = new Map<string, Seen>();

  /** Notes a lease: what is new here, or has changed. Returns whether its announcer was not known to live before. */
  note(lease: AnnouncerLease, clock: Pick<Clock, 'now' | 'steady'>): boolean {
    const now = clock.steady();
    const known = this.#seen.get(lease.node);
    const before = this.of(lease.node, now);
    // The first look tells nothing but the lease's own time.
    const isSign = known !== undefined || isRenewedLately(lease, clock.now());
    this.#seen.set(lease.node, { at: now, isSign, duration: lease.duration });
    return before !== this.of(lease.node, now);
  }

  /** Forgets a node whose lease is gone. */
  forget(node: string): void {
    this.#seen.delete(node);
  }

  of(node: string, now: number): Life {
    const seen = this.#seen.get(node);
    if (seen === undefined || now - seen.at >= seen.duration) return 'silent';
    return seen.isSign ? 'fresh' : 'unknown';
  }

  /** Of each node that has a lease. */
  all(now: number): ReadonlyMap<string, Life> {
    return new Map([...this.#seen.keys()].sort().map((node) => [node, this.of(node, now)]));
  }
}
