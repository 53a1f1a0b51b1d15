/** Those who wait for changes under a prefix, found by the key that has changed, however many others wait. */
import type { Revision } from '../store.ts';
import type { Change } from './backend.ts';
import { keyOf } from './plan.ts';

export interface Waiter {
  readonly prefix: string;
  /** Nothing up to this revision is news to it. */
  readonly position: Revision;
  /** Told up to which revision nothing happened. */
  readonly wake: (position: Revision) => void;
}

export class Waiters {
  /** By the prefix up to its last slash, and then by all of it. */
  readonly #byFolder = new Map<string, Map<string, Set<Waiter>>>();

  add(waiter: Waiter): void {
    const { prefix } = waiter;
    const folder = folderOf(prefix);
    const byPrefix = this.#byFolder.get(folder) ?? new Map<string, Set<Waiter>>();
    this.#byFolder.set(folder, byPrefix);
    const waiters = byPrefix.get(prefix) ?? new Set();
    byPrefix.set(prefix, waiters);
    waiters.add(waiter);
  }

  delete(waiter: Waiter): void {
    const { prefix } = waiter;
    const folder = folderOf(prefix);
    const byPrefix = this.#byFolder.get(folder);
    const waiters = byPrefix?.get(prefix);
    if (byPrefix === undefined || waiters === undefined) return;
    waiters.delete(waiter);
    if (waiters.size > 0) return;
    byPrefix.delete(prefix);
    if (byPrefix.size === 0) this.#byFolder.delete(folder);
  }

  /** Wakes those whom the changes concern; up to `before` they have been told of everything. */
  tell(changes: readonly Change[], before: Revision): void {
    for (const { revision, events } of changes) {
      for (const event of events) {
        for (const waiter of this.concernedBy(keyOf(event))) {
          if (revision > waiter.position) waiter.wake(Math.max(waiter.position, before));
        }
      }
    }
  }

  /** Wakes everybody, whatever happened. */
  wakeAll(): void {
    for (const waiter of this.all()) waiter.wake(waiter.position);
  }

  /** Those whose prefix the key begins with. */
  *concernedBy(key: string): Generator<Waiter, void, undefined> {
    for (let end = 0; ; end = key.indexOf('/', end) + 1) {
      for (const [prefix, waiters] of this.#byFolder.get(key.slice(0, end)) ?? []) {
        if (key.startsWith(prefix)) yield* waiters;
      }
      if (key.indexOf('/', end) < 0) return;
    }
  }

  *all(): Generator<Waiter, void, undefined> {
    for (const byPrefix of this.#byFolder.values()) for (const waiters of byPrefix.values()) yield* waiters;
  }
}

function folderOf(prefix: string): string {
  return prefix.slice(0, prefix.lastIndexOf('/') + 1);
}
