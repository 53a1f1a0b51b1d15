/**
 * Whether a transaction that got no answer was made. It is never sent again: it may be on its way yet. Instead the history
 * since before it was sent is read, for the first change of a key that the transaction both compares and writes.
 */
import type { Compare, Operation, Revision, StoreEvent } from '../store.ts';
import type { Change } from './follow.ts';

/** `not made`: and it cannot be any more, because its compare no longer holds. */
export type Outcome =
  | { readonly kind: 'made'; readonly revision: Revision }
  | { readonly kind: 'not made' }
  | { readonly kind: 'unknown' };

/**
 * A compare of a key that the transaction changes if it is made, which can hold once only. Without one nothing that is
 * read can tell this transaction from another that writes the same.
 */
export function fenceOf(compares: readonly Compare[], operations: readonly Operation[]): Compare | undefined {
  return compares.find((compare) =>
    operations.some(({ key, kind }) => key === compare.key && (kind === 'put' || compare.modified > 0)),
  );
}

/**
 * What a change tells of the outcome; undefined when it is not the first one of the fence's key. A change that is the same
 * operations with the same bytes, from a state in which the compare held, is taken for the transaction: had another made
 * it, what is stored is what was asked for all the same.
 */
export function outcomeOf(change: Change, fence: Compare, operations: readonly Operation[]): Outcome | undefined {
  const events = new Map(change.events.map((event) => [eventKey(event), event]));
  if (!events.has(fence.key)) return undefined;
  const others = new Set(events.keys());
  const same = operations.every((operation) => {
    others.delete(operation.key);
    return isSame(operation, events.get(operation.key));
  });
  if (same && others.size === 0) return { kind: 'made', revision: change.revision };
  // A key that was not there may be gone again, and the compare hold once more for what is still on its way.
  return { kind: fence.modified > 0 ? 'not made' : 'unknown' };
}

function isSame(operation: Operation, event: StoreEvent | undefined): boolean {
  // Deleting what does not exist changes nothing, and tells nothing.
  if (event === undefined) return operation.kind === 'delete';
  if (operation.kind === 'delete') return event.kind === 'delete';
  return event.kind === 'put' && Buffer.compare(operation.value, event.entry.value) === 0;
}

function eventKey(event: StoreEvent): string {
  return event.kind === 'put' ? event.entry.key : event.key;
}
