/** Puts what is forwarded into the kernel, and notices when someone else takes it away. */
import type { IPFamily } from '../lib/ip.ts';
import type { Netfilter } from '../netfilter/netfilter.ts';
import type { ForwardingTable } from './forwarding-table.ts';
import { tableName } from './layout.ts';

/** Applies what changed since the last time, or everything. Returns whether there was anything to apply. */
export async function apply(table: ForwardingTable, netfilter: Netfilter, everything: boolean): Promise<boolean> {
  const transaction = everything ? table.takeAll() : table.takeChanges();
  if (transaction.length === 0) return false;
  await netfilter.apply(transaction);
  return true;
}

/**
 * Idle chains that are kept. An endpoint that comes and goes would otherwise make its chain anew each time, and the
 * kernel waits for all processors before it frees one.
 */
const KEEP_IDLE = 32;

/** Removes chains that are no longer used, when there are many. */
export async function applyIdle(table: ForwardingTable, netfilter: Netfilter, keep = KEEP_IDLE): Promise<void> {
  const transaction = table.takeIdleChains(keep);
  if (transaction.length > 0) await netfilter.apply(transaction);
}

/** Whether the kernel still has every chain and rule of ours: `nft flush ruleset` and the like leave none. */
export async function intact(
  table: ForwardingTable,
  netfilter: Netfilter,
  families: readonly IPFamily[],
): Promise<boolean> {
  for (const family of families) {
    const actual = await netfilter.inspect(tableName(family));
    for (const [chain, rules] of table.expectedChains(family)) if (actual.get(chain) !== rules) return false;
  }
  return true;
}

/** Removes our tables, of both families. Connections that are established go on. */
export async function removeTables(netfilter: Netfilter): Promise<void> {
  await netfilter.apply([
    { kind: 'delete-table', table: tableName('IPv4') },
    { kind: 'delete-table', table: tableName('IPv6') },
  ]);
}
