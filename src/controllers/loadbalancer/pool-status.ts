/** Keeps the counters in the pools' statuses, and tells people of pools that are not used as they are written. */
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { runController } from '../../client/controller.ts';
import type { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { seconds } from '../../lib/duration.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import type { AddressBook } from './address-book.ts';
import type { PoolTable } from './pool-table.ts';

/** Milliseconds in which changes are gathered: the counters are for people. */
const GATHER = 250;
/** Until counters that somebody else has written are set right: with one who does so too, that would never end. */
const MEND = seconds(10);

export interface PoolStatusParts extends ControllerParts {
  readonly events: EventRecorder;
  /** The book and its pools as they are now. */
  readonly current: () => { readonly book: AddressBook; readonly table: PoolTable };
}

/** `changed` is to be called with the key of each pool whose usage or problems may be others. */
export function poolStatusController(parts: PoolStatusParts): { changed(key: string): void; readonly run: Run } {
  const { client, informers, clock, log, events, current } = parts;
  const queue = new WorkQueue({ clock });
  const objects = informers.of(IPAddressPool);
  const told = new Map<string, string>();
  objects.onChange(({ key, object, previous }) => {
    if (object === undefined) told.delete(key);
    queue.addAfter(key, equal(object?.spec, previous?.spec) ? MEND : 0);
  });
  const tell = (key: string, object: IPAddressPool, problems: readonly string[]): void => {
    const text = problems.join('; ');
    if (text !== '' && text !== told.get(key)) events.event(object, 'Warning', 'InvalidConfiguration', text);
    told.set(key, text);
  };
  const reconcile = async (key: string): Promise<void> => {
    const object = objects.get(key);
    if (object === undefined) return;
    const { book, table } = current();
    tell(key, object, table.problems.get(key) ?? []);
    const status = poolStatus(book, key);
    if (equal(status, object.status)) return;
    // The definition of this kind in older releases of MetalLB has no status.
    await client.updateStatus(IPAddressPool, { ...object, status }).catch(ignoreNotFound);
  };
  return {
    changed: (key) => queue.addAfter(key, GATHER),
    run: (signal) => runController({ name: 'pool-status', queue, reconcile, workers: 1, log }, signal),
  };
}

/** A pool's counters. An IPv6 pool can have more addresses than a JSON number can count: then it says the largest. */
function poolStatus(book: AddressBook, key: string): NonNullable<IPAddressPool['status']> {
  const pool = book.pools.find((each) => each.key === key);
  const usage = (family: IPFamily) => (pool ? book.usage(pool, family) : { assigned: 0n, available: 0n });
  const [v4, v6] = [usage('IPv4'), usage('IPv6')];
  return {
    assignedIPv4: count(v4.assigned),
    assignedIPv6: count(v6.assigned),
    availableIPv4: count(v4.available),
    availableIPv6: count(v6.available),
  };
}

function count(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
