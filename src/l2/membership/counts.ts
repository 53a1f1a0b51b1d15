/** What is counted of heartbeats. */

export type HeartbeatCount =
  | 'sent'
  | 'send-failed'
  /** Believed, whatever they were worth. */
  | 'received'
  /** The second copy of one that came by another way, or a replay. */
  | 'old'
  /** From an address, or in the name, of no node that could announce. */
  | 'stranger'
  /** Signed with no key that this node has. */
  | 'unknown-key'
  | 'not-a-heartbeat'
  | 'other-version'
  | 'malformed';

export class HeartbeatCounts {
  readonly #counts = new Map<HeartbeatCount, number>();

  add(what: HeartbeatCount, count = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  /** By `heartbeats WHAT`. */
  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].map(([what, count]) => [`heartbeats ${what}`, count]));
  }
}
