/**
 * Addresses that this node has taken over while their former announcer still worked: connections that began there are
 * passed on to it. Kept here is from whom, and until when; the rules are `l2/handover/`'s. Pure.
 */

export interface HandoverEnd {
  readonly address: string;
  readonly why: string;
}

/** What of a former announcer is known now. */
export type FormerState = 'answers' | 'left' | 'lost';

export class Handovers {
  readonly #from = new Map<string, string>();

  get size(): number {
    return this.#from.size;
  }

  from(address: string): string | undefined {
    return this.#from.get(address);
  }

  begin(address: string, from: string): void {
    this.#from.set(address, from);
  }

  /** The address is nobody's any more, or announced by `elected` now. */
  moved(address: string, elected: string | undefined): HandoverEnd | undefined {
    const from = this.#from.get(address);
    if (from === undefined) return undefined;
    if (elected === undefined) return this.#end(address, 'nobody announces it');
    // Else the two nodes would pass on to each other what neither knows.
    return elected === from ? this.#end(address, `node ${from} announces it again`) : undefined;
  }

  /** Ends those from nodes of which nothing more is to be had. */
  *without(isGone: (node: string) => string | undefined): Iterable<HandoverEnd> {
    for (const [address, from] of this.#from) {
      const why = isGone(from);
      if (why !== undefined) yield this.#end(address, why);
    }
  }

  #end(address: string, why: string): HandoverEnd {
    this.#from.delete(address);
    return { address, why };
  }
}
