/** Which nodes' announcers live, by their leases: for telling people, and so by the timestamps. */
import type { Lease } from '../../api/coordination/v1/lease.ts';
import {
  ANNOUNCER_LEASE_DURATION,
  ANNOUNCER_LEASE_NAMESPACE,
  type AnnouncerLease,
  isRenewedLately,
  readAnnouncerLease,
} from '../../api/metallb/v1beta1/announcer-lease.ts';
import type { Informer } from '../../client/informer.ts';
import type { Clock } from '../../host/clock.ts';

export interface Announcers {
  list(): readonly AnnouncerLease[];
  /** Looks again and again which of them live, until the signal is aborted; silence has to be looked for. */
  watch(signal: AbortSignal): Promise<void>;
}

/** To be made before the informer is started. `changed` is called when an announcer has come to life, or has fallen silent. */
export function announcersOf(leases: Informer<Lease>, clock: Clock, changed: () => void): Announcers {
  const byNamespace = leases.index(({ metadata }) => [metadata.namespace ?? '']);
  const list = () => byNamespace(ANNOUNCER_LEASE_NAMESPACE).flatMap((lease) => readAnnouncerLease(lease) ?? []);
  let living = '';
  const look = () => {
    const lately = list().filter((lease) => isRenewedLately(lease, clock.now()));
    const next = JSON.stringify(lately.map(({ node }) => node).sort());
    if (next !== living) changed();
    living = next;
  };
  leases.onChange(({ object, previous }) => {
    const lease = object ?? previous;
    if (lease !== undefined && readAnnouncerLease(lease) !== undefined) look();
  });
  const watch = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await clock.sleep(ANNOUNCER_LEASE_DURATION, signal).catch(() => {}); // The loop looks at the signal.
      if (!signal.aborted) look();
    }
  };
  return { list, watch };
}
