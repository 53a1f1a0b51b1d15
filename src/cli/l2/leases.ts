/** The announcers of a cluster, as their leases tell of them. */
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { type AnnouncerFacts, isRenewedLately, readAnnouncerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';

export interface AnnouncerState extends AnnouncerFacts {
  /** `stale`: not renewed within its duration, by the clocks of two machines. */
  readonly lease: 'fresh' | 'stale';
  /** Milliseconds since it was renewed, by the same clocks; undefined: it never was. */
  readonly age: number | undefined;
}

/** Sorted by node. `now` is milliseconds since 1970. */
export function announcerStates(leases: readonly Lease[], now: number): readonly AnnouncerState[] {
  return leases
    .flatMap((object): readonly AnnouncerState[] => {
      const lease = readAnnouncerLease(object);
      if (lease === undefined) return [];
      const { renewed, ...facts } = lease;
      const age = renewed === undefined ? undefined : Math.max(0, now - renewed);
      return [{ ...facts, lease: isRenewedLately(lease, now) ? 'fresh' : 'stale', age }];
    })
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}
