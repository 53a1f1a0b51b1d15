/**
 * Which nodes' announcers live: by when their leases were seen to change, on our own clock. One that has not changed since we began
 * to look says when it was renewed by its node's.
 */
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
  /** `renewed` is by our own clock, where that is known. */
  list(): readonly AnnouncerLease[];
  /** Looks again and again which of them live, until the signal is aborted; silence has to be looked for. */
  watch(signal: AbortSignal): Promise<void>;
}

/** To be made before the informer is started. `changed` is called when an announcer has come to life, or has fallen silent. */
export function announcersOf(leases: Informer<Lease>, clock: Clock, changed: () => void): Announcers {
  const byNamespace = leases.index(({ metadata }) => [metadata.namespace ?? '']);
  /** When a node's lease was last seen to be renewed, by the steady clock. */
  const heard = new Map<string, number>();
  const list = () =>
    byNamespace(ANNOUNCER_LEASE_NAMESPACE).flatMap((object) => {
      const lease = readAnnouncerLease(object);
      const at = lease && heard.get(lease.node);
      return lease === undefined
        ? []
        : at === undefined
          ? lease
          : { ...lease, renewed: clock.now() - (clock.steady() - at) };
    });
  let living = '';
  const look = () => {
    const lately = list().filter((lease) => isRenewedLately(lease, clock.now()));
    const next = JSON.stringify(lately.map(({ node }) => node).sort());
    if (next !== living) changed();
    living = next;
  };
  leases.onChange(({ object, previous }) => {
    const lease = object ?? previous;
    const read = lease && readAnnouncerLease(lease);
    if (read === undefined) return;
    if (object === undefined) heard.delete(read.node);
    else if (previous !== undefined && object.spec?.renewTime !== previous.spec?.renewTime)
      heard.set(read.node, clock.steady());
    look();
  });
  const watch = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await clock.sleep(ANNOUNCER_LEASE_DURATION, signal).catch(() => {}); // The loop looks at the signal.
      if (!signal.aborted) look();
    }
  };
  return { list, watch };
}
