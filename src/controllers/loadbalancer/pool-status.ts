/** Keeps the counters in the pools' statuses: how many addresses are given out, and how many are left. */
import { type AddressPool, poolUsage } from '../../alloc/address-pool.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { runController } from '../../client/controller.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { IPAddress } from '../../lib/ip.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { poolOf } from './assign.ts';
import type { Claims } from './claims.ts';

/** Milliseconds in which changes are gathered: the counters are for people, and counting looks at every address. */
const GATHER = 250;

/** A pool's counters. An IPv6 pool can have more addresses than a JSON number can count: then it says the largest. */
export function poolStatus(pool: AddressPool, assigned: readonly IPAddress[]): NonNullable<IPAddressPool['status']> {
  const v4 = poolUsage(pool, 'IPv4', assigned);
  const v6 = poolUsage(pool, 'IPv6', assigned);
  return {
    assignedIPv4: Number(v4.assigned),
    assignedIPv6: Number(v6.assigned),
    availableIPv4: count(v4.available),
    availableIPv6: count(v6.available),
  };
}

/** `changed` is to be called whenever a claim changes. */
export function poolStatusController(parts: ControllerParts & { readonly claims: Claims }): {
  changed(): void;
  readonly run: Run;
} {
  const { client, informers, clock, log, claims } = parts;
  const queue = new WorkQueue({ clock });
  const pools = informers.of(IPAddressPool);
  pools.onChange(({ key }) => queue.add(key));
  const reconcile = async (key: string): Promise<void> => {
    const pool = pools.get(key);
    if (pool === undefined) return;
    const status = poolStatus(poolOf(pool).alloc, claims.addresses());
    if (!equal(status, pool.status)) await client.updateStatus(IPAddressPool, { ...pool, status });
  };
  return {
    changed() {
      for (const { metadata } of pools.list()) queue.addAfter(`${metadata.namespace}/${metadata.name}`, GATHER);
    },
    run: (signal) => runController({ name: 'pool-status', queue, reconcile, workers: 1, log }, signal),
  };
}

function count(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
