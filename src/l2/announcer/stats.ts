/** What the announcer counts, per protocol. */
import type { IgnoreReason, Protocol } from '../frames/protocol.ts';

export type Counted =
  /** A question for one of our addresses, answered. */
  | 'reply'
  /** A gratuitous ARP packet or an unsolicited advertisement that we sent. */
  | 'announcement'
  /** A question that we sent, whether an address is free. */
  | 'probe'
  /** Another host's word that one of our addresses is its own. */
  | 'claim'
  /** An announcement against a stranger's claim. */
  | 'defence'
  /** An address given up to a stranger. */
  | 'conflict'
  /** A received frame that asked nothing of us. */
  | IgnoreReason;

export class L2Stats {
  readonly #counts = new Map<string, number>();

  count(protocol: Protocol, what: Counted): void {
    const key = `${protocol.name} ${what}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Counts by `PROTOCOL WHAT`: `ARP reply`, `NDP not-ours`, `ARP announcement`. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
