/**
 * Watches. A watcher is a position in the log and nothing more: it has no queue, so a slow one costs no memory, and it
 * moves from history to what happens now without a seam. One that falls behind compaction learns so.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../store.ts';
import type { Backend, Change } from './backend.ts';
import { keyOf } from './plan.ts';
import { changeBytes, RecentChanges } from './recent.ts';
import { type Waiter, Waiters } from './waiters.ts';

/** How much of the log is looked at, and given out, at a time; a change that begins within the bound is told whole. */
const SCAN_CHANGES = 512;
const BATCH_EVENTS = 256;
const BATCH_BYTES = 2 * 1024 * 1024;

export class WatchHub {
  readonly #backend: Backend;
  readonly #recent: RecentChanges;
  readonly #waiters = new Waiters();
  #newest: Revision;
  #closed = false;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#newest = backend.revision();
    this.#recent = new RecentChanges(this.#newest);
  }

  /** Tells watchers of changes that are safe. */
  publish(changes: readonly Change[]): void {
    this.#recent.add(changes);
    const before = this.#newest;
    this.#newest = changes.at(-1)?.revision ?? this.#newest;
    this.#waiters.tell(changes, before);
  }

  /** As {@link Store.watch}, for checked arguments. */
  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch, void, undefined> {
    let position = from;
    let waiter: Waiter | undefined;
    const end = () => waiter?.wake(position);
    signal.addEventListener('abort', end, { once: true });
    try {
      while (!signal.aborted && !this.#closed) {
        const { events, revision, more } = this.#read(prefix, position);
        position = Math.max(position, revision);
        if (events.length > 0) yield { events, revision };
        else if (!more) {
          position = await new Promise<Revision>((wake) => {
            waiter = { prefix, position, wake };
            this.#waiters.add(waiter);
          });
          if (waiter !== undefined) this.#waiters.delete(waiter);
        }
        // A long history comes in turns, so that nobody else waits for the whole of it.
        if (more) await nextTurn();
      }
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  /** Ends every watch. */
  close(): void {
    this.#closed = true;
    this.#waiters.wakeAll();
  }

  /** The next events after a position, if any, how far the log was looked at, and whether there is more of it. */
  #read(prefix: string, position: Revision): WatchBatch & { readonly more: boolean } {
    const compacted = this.#backend.compacted();
    if (position < compacted) throw new CompactedError(position, compacted);
    const events: StoreEvent[] = [];
    let revision = position;
    let scanned = 0;
    let bytes = 0;
    if (position >= this.#newest) return { events, revision, more: false };
    for (const change of this.#recent.after(position, SCAN_CHANGES) ?? this.#backend.history(position)) {
      // What has been written but not yet published comes with its own turn.
      if (change.revision > this.#newest) break;
      revision = change.revision;
      bytes += changeBytes(change);
      for (const event of change.events) if (keyOf(event).startsWith(prefix)) events.push(event);
      if (++scanned >= SCAN_CHANGES || events.length >= BATCH_EVENTS || bytes >= BATCH_BYTES) break;
    }
    return { events, revision, more: revision < this.#newest };
  }
}
