/**
 * Which of the servers' leases are good. Clocks of machines differ, so that no time that a lease tells counts: only for how long, by the
 * clock of whoever looks, it has not been renewed.
 */
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { seconds } from '../../lib/duration.ts';
import { isServerLease, LEASE_DURATION } from './lease.ts';

/** Leases that nobody renews are deleted after so long: their servers will not come back soon, and may. */
const FORGOTTEN = seconds(60);

/** A lease, and since when it says what it says. */
export interface Seen {
  readonly lease: Lease;
  /** The looker's steady time. */
  readonly since: number;
}

export interface Look {
  readonly leases: readonly Lease[];
  /** The looker's steady time. */
  readonly now: number;
  /** Of the look before; undefined for the first. */
  readonly before: number | undefined;
}

/** What is known after a look, by the names of leases. */
export function see(seen: ReadonlyMap<string, Seen>, { leases, now, before }: Look): ReadonlyMap<string, Seen> {
  // Who did not look for long, because it was stopped or the store was away, cannot say who renewed meanwhile.
  const couldTell = before !== undefined && now - before < LEASE_DURATION / 2;
  const entries = leases.filter(isServerLease).map((lease): readonly [string, Seen] => {
    const known = seen.get(nameOf(lease));
    const isSame = known !== undefined && sign(known.lease) === sign(lease);
    return [nameOf(lease), { lease, since: isSame && couldTell ? known.since : now }];
  });
  return new Map(entries);
}

/** Leases that are good. */
export function living(seen: ReadonlyMap<string, Seen>, now: number): readonly Lease[] {
  return [...seen.values()].filter(({ since }) => now - since < LEASE_DURATION).map(({ lease }) => lease);
}

/** Leases to delete. */
export function forgotten(seen: ReadonlyMap<string, Seen>, now: number): readonly Lease[] {
  return [...seen.values()].filter(({ since }) => now - since >= FORGOTTEN).map(({ lease }) => lease);
}

/** Differs whenever a server has renewed its lease. */
export function sign({ spec }: Lease): string {
  return `${spec?.holderIdentity} ${spec?.renewTime}`;
}

function nameOf({ metadata }: Lease): string {
  return metadata.name ?? '';
}
