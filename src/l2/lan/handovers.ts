/**
 * Addresses that this node has taken over while their former announcer still worked: connections that began there are
 * passed on to it. Kept here is from whom, and until when; the rules are `l2/handover/`'s, which is told.
 */
import type { Logger } from '../../host/log.ts';
import type { FromLan } from './messages.ts';

export interface HandoversParts {
  readonly tell: (message: FromLan) => void;
  readonly log: Logger;
}

export class Handovers {
  readonly #parts: HandoversParts;
  readonly #from = new Map<string, string>();
  /** How many there have been. */
  count = 0;

  constructor(parts: HandoversParts) {
    this.#parts = parts;
  }

  /** The former announcer, while what belongs to its connections is passed on to it. */
  from(address: string): string | undefined {
    return this.#from.get(address);
  }

  begin(address: string, from: string): void {
    this.count++;
    this.#from.set(address, from);
    this.#parts.tell({ kind: 'takeover', address, from, planned: true });
  }

  /** No Service has the address any more. */
  removed(address: string): void {
    if (this.#from.has(address)) this.#end(address, 'no Service has the address any more');
  }

  /** One through the node that announces now would go in circles: the two would pass on to each other what neither knows. */
  endCircle(address: string, elected: string | undefined): void {
    const from = this.#from.get(address);
    if (from !== undefined && from === elected) this.#end(address, `node ${from} announces it again`);
  }

  /** Ends those from nodes of which nothing more is to be had: it says why, or undefined for the others. */
  endThrough(isGone: (node: string) => string | undefined): void {
    for (const [address, from] of this.#from) {
      const why = isGone(from);
      if (why !== undefined) this.#end(address, why);
    }
  }

  #end(address: string, why: string): void {
    this.#from.delete(address);
    this.#parts.log.debug({ address, why }, 'connections through the former announcer are passed on no longer');
    this.#parts.tell({ kind: 'handover-over', address, why });
  }
}
