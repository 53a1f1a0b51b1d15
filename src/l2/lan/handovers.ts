/**
 * Addresses that this node has taken over while their former announcer still worked: connections that began there are
 * passed on to it. Kept here is from whom, and until when; the rules are `l2/handover/`'s. Pure.
 */

export interface HandoverEnd {
  readonly address: string;
  readonly why: string;
}

export class Handovers {
  readonly #from = new Map<string, string>();

  from(address: string): string | undefined {
    return this.#from.get(address);
  }

  begin(address: string, from: string): void {
    this.#from.set(address, from);
  }

  /** No Service has the address any more. */
  removed(address: string): HandoverEnd | undefined {
    return this.#from.has(address) ? this.#end(address, 'no Service has the address any more') : undefined;
  }

  /** Those through the node that announces now would go in circles: the two nodes would pass on to each other what neither knows. */
  circular(address: string, elected: string | undefined): HandoverEnd | undefined {
    const from = this.#from.get(address);
    return from !== undefined && from === elected ? this.#end(address, `node ${from} announces it again`) : undefined;
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
