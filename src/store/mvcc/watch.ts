/**
 * Watches. A watcher is a position in the log and nothing more: it has no queue, so a slow one costs no memory, and it
 * moves from history to what happens now without a seam. One that falls behind compaction learns so.
 */
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../store.ts';
import type { Backend, Change } from './backend.ts';
import { keyOf } from './plan.ts';
import { changeBytes, RecentChanges } from './recent.ts';
import { Waiters } from './waiters.ts';
import { type Watched, Watcher } from './watcher.ts';

/** How much of the log is looked at, and given out, at a time; a change that begins within the bound is told whole. */
const SCAN_CHANGES = 512;
const BATCH_EVENTS = 256;
const BATCH_BYTES = 2 * 1024 * 1024;

type Read = WatchBatch & { readonly more: boolean };

export class WatchHub implements Watched {
  readonly waiters = new Waiters();
  readonly #backend: Backend;
  readonly #recent: RecentChanges;
  #lastRead:
    | { readonly prefix: string; readonly position: Revision; readonly newest: Revision; readonly found: Read }
    | undefined;
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
    this.waiters.tell(changes, before);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** As {@link Store.watch}, for checked arguments. */
  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return { [Symbol.asyncIterator]: () => new Watcher(this, prefix, from, signal) };
  }

  /** Ends every watch. */
  close(): void {
    this.#closed = true;
    this.waiters.wakeAll();
  }

  /** As {@link Watched} says. Those who watch the same are told of a change one after the other: it is looked for once. */
  read(prefix: string, position: Revision): Read {
    const last = this.#lastRead;
    if (last?.prefix === prefix && last.position === position && last.newest === this.#newest) return last.found;
    const found = this.#read(prefix, position);
    // Only what is news: history would be held for nobody.
    if (found.events.length > 0 && !found.more) {
      this.#lastRead = { prefix, position, newest: this.#newest, found };
    }
    return found;
  }

  #read(prefix: string, position: Revision): Read {
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
