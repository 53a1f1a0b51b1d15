/**
 * One watch of the changes that a store has in memory. There may be thousands, nearly all of them waiting: an iterator written out, as
 * a generator that waits holds several times as much.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Revision, WatchBatch } from '../store.ts';
import type { Waiter, Waiters } from './waiters.ts';

/** What is watched. */
export interface Watched {
  readonly waiters: Waiters;
  /** Whether every watch is to end. */
  readonly isClosed: boolean;
  /**
   * The next events under a prefix after a position, if any, how far the log was looked at, and whether there is more of it.
   * Throws CompactedError.
   */
  read(prefix: string, position: Revision): WatchBatch & { readonly more: boolean };
}

type Result = IteratorResult<WatchBatch, undefined>;

const DONE: Result = { done: true, value: undefined };

/** Asked for the next batch once the one before was given, as `for await` does. */
export class Watcher implements AsyncIterator<WatchBatch, undefined>, Waiter {
  readonly prefix: string;
  readonly #watched: Watched;
  readonly #signal: AbortSignal;
  #position: Revision;
  /** Whether there was more of the log when it was last read. */
  #more = false;
  #isFollowing = false;
  #isOver = false;
  #waiting: { readonly resolve: (result: Result) => void; readonly reject: (error: unknown) => void } | undefined;

  constructor(watched: Watched, prefix: string, from: Revision, signal: AbortSignal) {
    this.#watched = watched;
    this.prefix = prefix;
    this.#position = from;
    this.#signal = signal;
  }

  get position(): Revision {
    return this.#position;
  }

  next(): Promise<Result> {
    if (!this.#isFollowing) this.#follow();
    if (this.#more) return this.#nextOfMany();
    try {
      return this.#now();
    } catch (error) {
      this.#end();
      return Promise.reject(error);
    }
  }

  async return(): Promise<Result> {
    this.#end();
    return DONE;
  }

  wake(position: Revision): void {
    this.#watched.waiters.delete(this);
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.#position = position;
    this.next().then(waiting.resolve, waiting.reject);
  }

  /** A long history comes in turns, so that nobody else waits for the whole of it. */
  async #nextOfMany(): Promise<Result> {
    await nextTurn();
    this.#more = false;
    return this.next();
  }

  /** What there is, or a promise of what will come. */
  #now(): Promise<Result> {
    if (this.#signal.aborted || this.#watched.isClosed) this.#end();
    if (this.#isOver) return Promise.resolve(DONE);
    const { events, revision, more } = this.#watched.read(this.prefix, this.#position);
    this.#position = Math.max(this.#position, revision);
    this.#more = more;
    if (events.length > 0) return Promise.resolve({ done: false, value: { events, revision } });
    if (more) return this.#nextOfMany();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#watched.waiters.add(this);
    });
  }

  #follow(): void {
    this.#isFollowing = true;
    this.#signal.addEventListener('abort', this.#end, { once: true });
  }

  readonly #end = (): void => {
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#end);
    this.#watched.waiters.delete(this);
    this.#waiting?.resolve(DONE);
    this.#waiting = undefined;
  };
}
