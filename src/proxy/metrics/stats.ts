/** What the proxy counts of its work. */
import { Latency } from './latency.ts';

export class SyncStats {
  /** Transactions that took effect. */
  syncs = 0;
  /** Those of them that replaced whole tables. */
  fullSyncs = 0;
  /** Transactions that were refused. */
  failures = 0;
  /** Times that rules of ours were gone and were put back. */
  restored = 0;
  /** Services that the kernel refuses now. */
  refused = 0;
  /** When a transaction took effect last, in milliseconds since 1970. */
  lastSync: number | undefined;
  /** How long changes took. */
  readonly latency = new Latency();

  /** Changes of Services whose rules are in the kernel; what there was at the start is none. */
  get changes(): number {
    return this.latency.count;
  }
}
