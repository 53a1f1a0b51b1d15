/**
 * Watches. One watch of etcd serves all watchers that keep up, from a window of the newest changes. A watcher is a position
 * and has no queue, so a slow one costs no memory: one that is behind the window gets a watch of etcd of its own until it
 * has caught up, and one that is behind compaction learns so.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../host/log.ts';
import { keyOf } from '../mvcc/plan.ts';
import { type Waiter, Waiters } from '../mvcc/waiters.ts';
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../store.ts';
import type { Change, Follow, Told } from './follow.ts';
import { ChangeWindow, changeBytes } from './window.ts';

/** How many changes are looked at, and given out, at a time; a change that begins within the bound is told whole. */
const SCAN_CHANGES = 512;
const BATCH_EVENTS = 256;
const BATCH_BYTES = 2 * 1024 * 1024;

interface Batch extends WatchBatch {
  /** Whether there is more to look at. */
  readonly more: boolean;
}

export class EtcdWatches {
  readonly #follow: Follow;
  readonly #window: ChangeWindow;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #waiters = new Waiters();
  #compacted: Revision = 0;

  /** Watches anything after `from`; changes since then are at hand once etcd has told them. */
  constructor(follow: Follow, from: Revision, log: Logger) {
    this.#follow = follow;
    this.#window = new ChangeWindow(from);
    this.#log = log;
  }

  /** Follows etcd until {@link close}. */
  start(): void {
    this.#run().catch((error: unknown) => {
      this.#log.error({ err: error }, 'watches of etcd have ended by a mistake of Postern');
      this.close();
    });
  }

  /** Everything up to this revision has been told by etcd. */
  get newest(): Revision {
    return this.#window.newest;
  }

  /** History before this is known to be gone. */
  get compacted(): Revision {
    return this.#compacted;
  }

  /** History before a revision is gone. Told once everything up to it is in the window, so that only slow watchers miss it. */
  forget(revision: Revision): void {
    this.#compacted = Math.max(this.#compacted, revision);
  }

  /** Resolves once everything up to a revision has been told by etcd, or the watches end, or after some milliseconds. */
  async reached(revision: Revision, timeout: number): Promise<void> {
    const end = performance.now() + timeout;
    while (this.#window.newest < revision && !this.#closing.signal.aborted && performance.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => waiter.wake(waiter.position), end - performance.now());
        // No key begins so: it is woken when the position that it waits for comes, not by what is told.
        const waiter: Waiter = {
          prefix: '',
          position: revision - 1,
          wake: () => {
            clearTimeout(timer);
            this.#waiters.delete(waiter);
            resolve();
          },
        };
        this.#waiters.add(waiter);
      });
    }
    // Those who were woken by the same news read it first.
    await nextTurn();
  }

  /** As {@link Store.watch}, for checked arguments. */
  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch, void, undefined> {
    const end = AbortSignal.any([signal, this.#closing.signal]);
    let position = from;
    while (!end.aborted) {
      if (position < this.#compacted) throw new CompactedError(position, this.#compacted);
      if (position < this.#window.from) {
        position = yield* this.#catchUp(prefix, position, end);
        continue;
      }
      const { events, revision, more } = this.#read(prefix, position);
      position = Math.max(position, revision);
      if (events.length > 0) yield { events, revision };
      else if (!more) position = await this.#news(prefix, position, end);
      // Much comes in turns, so that nobody else waits for the whole of it.
      if (more) await nextTurn();
    }
  }

  /** Ends every watch. */
  close(): void {
    this.#closing.abort();
    this.#waiters.wakeAll();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const told of this.#follow('', this.#window.newest, signal)) this.#publish(told);
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
        this.#log.warn({ err: error }, 'history of etcd is gone that had not been read; who watches has to list again');
        this.#window.reset(error.oldest);
        this.forget(error.oldest);
        this.#waiters.wakeAll();
      }
    }
  }

  #publish(told: Told): void {
    const before = this.#window.newest;
    this.#window.add(told);
    this.#waiters.tell(told.changes, before);
  }

  /** The next events after a position within the window. */
  #read(prefix: string, position: Revision): Batch {
    const events: StoreEvent[] = [];
    let revision = position;
    let scanned = 0;
    let bytes = 0;
    for (const change of this.#window.after(position)) {
      revision = change.revision;
      bytes += changeBytes(change);
      for (const event of change.events) if (keyOf(event).startsWith(prefix)) events.push(event);
      if (++scanned >= SCAN_CHANGES || events.length >= BATCH_EVENTS || bytes >= BATCH_BYTES) {
        return { events, revision, more: revision < this.#window.newest };
      }
    }
    return { events, revision: Math.max(position, this.#window.newest), more: false };
  }

  /** Tells from etcd what the window no longer has; answers the position from which it has the rest. */
  async *#catchUp(prefix: string, from: Revision, end: AbortSignal): AsyncGenerator<WatchBatch, Revision, undefined> {
    let position = from;
    for await (const { changes, revision } of this.#follow(prefix, from, end)) {
      for (const batch of batchesOf(changes)) {
        if (position < this.#compacted) throw new CompactedError(position, this.#compacted);
        position = batch.revision;
        yield batch;
      }
      position = revision;
      if (position >= this.#window.from) break;
    }
    return position;
  }

  /** Waits for a change under `prefix` or for the end; answers the position up to which nothing happened. */
  #news(prefix: string, position: Revision, end: AbortSignal): Promise<Revision> {
    return new Promise((resolve) => {
      const done = (reached: Revision) => {
        this.#waiters.delete(waiter);
        end.removeEventListener('abort', stop);
        resolve(reached);
      };
      const stop = () => done(position);
      const waiter: Waiter = { prefix, position, wake: done };
      this.#waiters.add(waiter);
      end.addEventListener('abort', stop, { once: true });
    });
  }
}

function* batchesOf(changes: readonly Change[]): Generator<WatchBatch, void, undefined> {
  let events: StoreEvent[] = [];
  for (const [i, change] of changes.entries()) {
    events.push(...change.events);
    if (events.length < BATCH_EVENTS && i < changes.length - 1) continue;
    yield { events, revision: change.revision };
    events = [];
  }
}
