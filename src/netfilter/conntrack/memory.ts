/** Connection tracking in memory, for tests. */
import { type Conntrack, ConntrackError, type Flow, type FlowFilter, type NewFlow, selects } from './conntrack.ts';

/** Flows per step of a listing, so that tests see that it has steps. */
const STEP = 2;

export class MemoryConntrack implements Conntrack {
  /** What was asked for, in order. */
  readonly listed: FlowFilter[] = [];
  readonly #flows = new Map<number, Flow>();
  #failures: Error[] = [];
  #nextId = 1;

  add(flow: NewFlow): Flow {
    const added = { zone: 0, ...flow, id: this.#nextId++ };
    this.#flows.set(added.id, added);
    return added;
  }

  remaining(): readonly Flow[] {
    return [...this.#flows.values()];
  }

  /** Lets the next listing fail. */
  failNext(reason: string): void {
    this.#failures.push(new ConntrackError(reason));
  }

  async *flows(filter: FlowFilter): AsyncGenerator<readonly Flow[], void, void> {
    this.listed.push(filter);
    const failure = this.#failures.shift();
    if (failure !== undefined) throw failure;
    const found = this.remaining().filter((flow) => selects(filter, flow));
    for (let at = 0; at < found.length; at += STEP) yield await Promise.resolve(found.slice(at, at + STEP));
  }

  async delete(flows: readonly Flow[]): Promise<number> {
    return flows.filter(({ id }) => this.#flows.delete(id)).length;
  }
}
