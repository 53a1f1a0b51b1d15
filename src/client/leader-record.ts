/**
 * What a Lease says of who leads, and what it is to say next: the decisions of an election, without its effects.
 * https://kubernetes.io/docs/concepts/architecture/leases/#leader-election
 */
import { Lease } from '../api/coordination/v1/lease.ts';
import type { ObjectKey } from '../api/meta/v1.ts';
import { printMicroTime } from '../api/time.ts';
import { sameValue } from '../api/value.ts';
import { type Duration, seconds } from '../lib/duration.ts';

/** A lease as it was last seen. */
export interface Observed {
  /** Undefined: there is none. */
  readonly lease: Lease | undefined;
  /** When it was first seen to say so: milliseconds of this process's steady clock, never a time that the lease tells. */
  readonly since: number;
}

/** Who wants to lead, and for how long at a time. */
export interface Bid {
  readonly key: ObjectKey;
  /** Of this process and no other, ever. */
  readonly identity: string;
  /** Whole seconds. */
  readonly duration: Duration;
  /** Wall-clock milliseconds, for people to read in the lease. */
  readonly now: number;
}

/** What is known once a lease has been read or told of. Only its spec is a sign of life: labels are anybody's. */
export function observed(before: Observed | undefined, lease: Lease | undefined, now: number): Observed {
  const isSame = before !== undefined && sameValue(before.lease?.spec, lease?.spec);
  return { lease, since: isSame ? before.since : now };
}

/**
 * Milliseconds until `identity` may take the lease: 0, when nobody holds it, or its holder has been silent for as long as it is
 * good, or is the same, from a term that has ended.
 */
export function untilFree({ lease, since }: Observed, identity: string, now: number): number {
  const { holderIdentity = '', leaseDurationSeconds = 0 } = lease?.spec ?? {};
  if (holderIdentity === '' || holderIdentity === identity) return 0;
  return Math.max(0, since + seconds(leaseDurationSeconds) - now);
}

/**
 * The lease as its next holder writes it. Each term counts as a transition, also where the holder was the same before: what
 * remains under way of an earlier term is then not taken for this one's.
 */
export function taken(lease: Lease | undefined, { key, identity, duration, now }: Bid): Lease {
  const time = printMicroTime(now);
  const transitions = lease === undefined ? 0 : (lease.spec?.leaseTransitions ?? 0) + 1;
  return {
    apiVersion: Lease.apiVersion,
    kind: Lease.kind,
    metadata: lease?.metadata ?? { ...key },
    spec: {
      ...lease?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: duration / seconds(1),
      acquireTime: time,
      renewTime: time,
      leaseTransitions: transitions,
    },
  };
}

export function renewed(lease: Lease, now: number): Lease {
  return { ...lease, spec: { ...lease.spec, renewTime: printMicroTime(now) } };
}

/** The lease without a holder, as one that stops leaves it: the next need not wait. */
export function released(lease: Lease, now: number): Lease {
  const { holderIdentity: _, ...spec } = lease.spec ?? {};
  return { ...lease, spec: { ...spec, leaseDurationSeconds: 1, renewTime: printMicroTime(now) } };
}
