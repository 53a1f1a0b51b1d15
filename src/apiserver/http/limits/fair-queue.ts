/**
 * Seats for work, shared fairly: each flow, which is one client, has at most so many, and those who wait are served one flow after the other,
 * however many of one flow there are. In the spirit of
 * https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
 */

export interface FairQueueOptions {
  /** At the same time, of all flows. */
  readonly seats: number;
  /** At the same time, of one flow. */
  readonly seatsPerFlow: number;
  /** How many may wait, of one flow. */
  readonly queueLength: number;
  /** How many may wait, of all flows. */
  readonly queueTotal: number;
}

/** What becomes of one that asks for a seat. */
export type Entry =
  | { readonly kind: 'seated' }
  /** Resolves when it has a seat. It gets none once {@link FairQueue.giveUp} was called, which it is to be when nobody waits any more. */
  | { readonly kind: 'waiting'; readonly waiter: Waiter; readonly seated: Promise<void> }
  | { readonly kind: 'refused' };

export interface Waiter {
  readonly flow: string;
  readonly seat: () => void;
}

interface Flow {
  seated: number;
  readonly waiting: Set<Waiter>;
}

const SEATED: Entry = { kind: 'seated' };
const REFUSED: Entry = { kind: 'refused' };

export class FairQueue {
  readonly #options: FairQueueOptions;
  /** Those that have a seat, or wait for one. */
  readonly #flows = new Map<string, Flow>();
  /** Flows that wait and may have another seat, in the order in which they get it. */
  readonly #ring = new Set<string>();
  #seated = 0;
  #waiting = 0;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get seated(): number {
    return this.#seated;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Asks for a seat. Whoever got one calls {@link leave}. */
  enter(flow: string): Entry {
    const { seats, seatsPerFlow, queueLength, queueTotal } = this.#options;
    const own = this.#flow(flow);
    // Where a seat is free nobody waits who may have it.
    if (this.#seated < seats && own.seated < seatsPerFlow) {
      own.seated++;
      this.#seated++;
      return SEATED;
    }
    if (own.waiting.size >= queueLength || this.#waiting >= queueTotal) {
      this.#forget(flow, own);
      return REFUSED;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { flow, seat: resolve };
    own.waiting.add(waiter);
    this.#waiting++;
    if (own.seated < seatsPerFlow) this.#ring.add(flow);
    return { kind: 'waiting', waiter, seated: promise };
  }

  /** Whether it had to be told so: false when it has got its seat already, and is to leave that. */
  giveUp(waiter: Waiter): boolean {
    const own = this.#flows.get(waiter.flow);
    if (own === undefined || !own.waiting.delete(waiter)) return false;
    this.#waiting--;
    if (own.waiting.size === 0) this.#ring.delete(waiter.flow);
    this.#forget(waiter.flow, own);
    return true;
  }

  /** Gives a seat back. */
  leave(flow: string): void {
    const own = this.#flow(flow);
    own.seated--;
    this.#seated--;
    if (own.waiting.size > 0) this.#ring.add(flow);
    else this.#forget(flow, own);
    this.#seatNext();
  }

  #seatNext(): void {
    const { seats, seatsPerFlow } = this.#options;
    for (const flow of this.#ring) {
      if (this.#seated >= seats) return;
      this.#ring.delete(flow);
      const own = this.#flow(flow);
      const [waiter] = own.waiting;
      if (waiter === undefined) continue;
      own.waiting.delete(waiter);
      this.#waiting--;
      own.seated++;
      this.#seated++;
      // Behind the others: this loop comes to it again only after them.
      if (own.waiting.size > 0 && own.seated < seatsPerFlow) this.#ring.add(flow);
      waiter.seat();
    }
  }

  #flow(name: string): Flow {
    let flow = this.#flows.get(name);
    if (flow === undefined) {
      flow = { seated: 0, waiting: new Set() };
      this.#flows.set(name, flow);
    }
    return flow;
  }

  #forget(name: string, flow: Flow): void {
    if (flow.seated === 0 && flow.waiting.size === 0) this.#flows.delete(name);
  }
}
