/** What the announcer counts, per protocol. */
import type { IgnoreReason, Protocol } from '../frames/protocol.ts';

export class L2Stats {
  readonly #counts = new Map<string, number>();

  received(protocol: Protocol, verdict: 'reply' | IgnoreReason): void {
    this.#add(`${protocol.name} ${verdict}`);
  }

  announced(protocol: Protocol): void {
    this.#add(`${protocol.name} announcement`);
  }

  /** Counts by `PROTOCOL WHAT`: `ARP reply`, `NDP not-ours`, `ARP announcement`. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  #add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}
