/** Decides what a group of transactions does, one after the other, before any of it is written. */
import type { Compare, Entry, Operation, Revision, StoreEvent, TxnResult } from '../store.ts';
import type { Change } from './backend.ts';

export interface Txn {
  readonly compares: readonly Compare[];
  readonly operations: readonly Operation[];
}

export interface Plan {
  /** What to write, in order. */
  readonly changes: readonly Change[];
  /** The answer to each transaction, in the order they were given; it holds once the changes are written. */
  readonly results: readonly TxnResult[];
}

/** Each transaction sees what those before it did, and `current` where they did nothing. */
export function plan(txns: readonly Txn[], newest: Revision, current: (key: string) => Entry | undefined): Plan {
  const written = new Map<string, Entry | undefined>();
  const read = (key: string): Entry | undefined => (written.has(key) ? written.get(key) : current(key));
  const changes: Change[] = [];
  const results: TxnResult[] = [];
  let revision = newest;
  for (const { compares, operations } of txns) {
    if (!compares.every(({ key, modified }) => (read(key)?.modified ?? 0) === modified)) {
      results.push({ ok: false, current: compares.map(({ key }) => read(key)) });
      continue;
    }
    const events = operations.flatMap((operation) => event(operation, read(operation.key), revision + 1) ?? []);
    if (events.length > 0) {
      revision++;
      changes.push({ revision, events });
      for (const event of events) written.set(keyOf(event), event.kind === 'put' ? event.entry : undefined);
    }
    results.push({ ok: true, revision });
  }
  return { changes, results };
}

/** The key that an event is about. */
export function keyOf(event: StoreEvent): string {
  return event.kind === 'put' ? event.entry.key : event.key;
}

/** What an operation does to a key; undefined when that is nothing. */
function event(operation: Operation, previous: Entry | undefined, revision: Revision): StoreEvent | undefined {
  const { key } = operation;
  if (operation.kind === 'put') {
    const entry = { key, value: operation.value, created: previous?.created ?? revision, modified: revision };
    return { kind: 'put', entry, previous };
  }
  return previous && { kind: 'delete', key, previous, revision };
}
