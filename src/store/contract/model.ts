/** The simplest thing that does what a store promises: whole copies of the state, one per revision. For tests. */
import { keyOf } from '../mvcc/plan.ts';
import type { Compare, Entry, Operation, Revision, StoreEvent } from '../store.ts';

type State = ReadonlyMap<string, Entry>;

export class ModelStore {
  readonly #states: State[] = [new Map()];
  readonly #events: StoreEvent[][] = [[]];

  get revision(): Revision {
    return this.#states.length - 1;
  }

  get(key: string, revision: Revision = this.revision): Entry | undefined {
    return this.#states[revision]?.get(key);
  }

  /** Entries under a prefix, ordered by the bytes of their keys. */
  list(prefix: string, revision: Revision = this.revision): Entry[] {
    const entries = [...(this.#states[revision]?.values() ?? [])];
    return entries
      .filter((entry) => entry.key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  /** Whether the compares held, and with them the operations were applied. */
  txn(compares: readonly Compare[], operations: readonly Operation[]): boolean {
    if (compares.some(({ key, modified }) => (this.get(key)?.modified ?? 0) !== modified)) return false;
    const revision = this.revision + 1;
    const state = new Map(this.#states.at(-1));
    const events: StoreEvent[] = [];
    for (const operation of operations) {
      const { key } = operation;
      const previous = state.get(key);
      if (operation.kind === 'put') {
        const entry = { key, value: operation.value, created: previous?.created ?? revision, modified: revision };
        state.set(key, entry);
        events.push({ kind: 'put', entry, previous });
      } else if (previous !== undefined) {
        state.delete(key);
        events.push({ kind: 'delete', key, previous, revision });
      }
    }
    if (events.length > 0) {
      this.#states.push(state);
      this.#events.push(events);
    }
    return true;
  }

  /** What a watch of a prefix after a revision has to tell. */
  eventsAfter(prefix: string, revision: Revision): StoreEvent[] {
    return this.#events
      .slice(revision + 1)
      .flat()
      .filter((event) => keyOf(event).startsWith(prefix));
  }
}
