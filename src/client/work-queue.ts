/**
 * Keys that need work, with the guarantees of client-go's queue
 * (https://pkg.go.dev/k8s.io/client-go/util/workqueue): a key waits at most once, is never worked on twice at the same
 * time, and one that is added during its work is worked on again afterwards. What was there before the first key is taken, such as
 * all objects of a controller that starts, lets what comes later go first.
 */
import { type Clock, systemClock } from '../host/clock.ts';

/** Milliseconds before the first retry of a key that failed; doubles with each failure. */
const FIRST_RETRY = 5;
/** The longest wait between retries, in milliseconds. */
const MAX_RETRY = 60_000;
/** Timers hold at most 2^31 ms. A key that comes early is only reconciled once more. */
const MAX_DELAY = 24 * 3_600_000;

/** One of so many keys is of those that were there from the start, while others come: they, too, get their turn. */
const BACKLOG_SHARE = 4;

interface Delayed {
  readonly at: number;
  readonly cancel: AbortController;
}

export class WorkQueue {
  readonly #clock: Clock;
  /** Keys that need work, in order; those in `#working` wait in `#dirty` instead. */
  readonly #ready: string[] = [];
  /** Those that were there before any was taken, in order, and nothing has happened to since. */
  readonly #backlog = new Set<string>();
  /** Goes on where it was: from the beginning, a set is searched past all that were taken. */
  readonly #inOrder = this.#backlog.values();
  /** Undefined: none has been. */
  #taken: number | undefined;
  readonly #dirty = new Set<string>();
  readonly #working = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: { readonly clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
  }

  /** Keys that are ready to be worked on. */
  get length(): number {
    return this.#ready.length + this.#backlog.size;
  }

  /** Asks for work on a key. Nothing happens when it waits already. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#taken !== undefined && this.#backlog.delete(key)) this.#ready.push(key);
    if (this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (!this.#working.has(key)) this.#makeReady(key);
  }

  /** Asks for work on a key in `ms` milliseconds. Of several such wishes for one key the earliest holds. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.steady() + Math.min(ms, MAX_DELAY);
    const waiting = this.#delayed.get(key);
    if (waiting !== undefined && waiting.at <= at) return;
    waiting?.cancel.abort();
    const cancel = new AbortController();
    this.#delayed.set(key, { at, cancel });
    this.#clock.sleep(Math.min(ms, MAX_DELAY), cancel.signal).then(
      () => {
        this.#delayed.delete(key);
        this.add(key);
      },
      () => {}, // Cancelled: an earlier wish took its place, or the queue was closed.
    );
  }

  /** Asks for work on a key after its back-off: longer after each call until {@link forget}. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(MAX_RETRY, FIRST_RETRY * 2 ** Math.min(failures, 30)));
  }

  /** Says that work on a key succeeded: its back-off begins anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Failures of a key in a row. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, once there is one; undefined when the queue is closed. Say {@link done} afterwards. */
  take(): Promise<string | undefined> {
    const key = this.#next();
    if (key !== undefined) return Promise.resolve(this.#begin(key));
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Ends work on a key that {@link take} gave. */
  done(key: string): void {
    this.#working.delete(key);
    if (this.#dirty.has(key) && !this.#closed) this.#makeReady(key);
  }

  /** Gives out no more keys, and cancels all timers. */
  close(): void {
    this.#closed = true;
    this.#ready.length = 0;
    this.#backlog.clear();
    for (const { cancel } of this.#delayed.values()) cancel.abort();
    this.#delayed.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #makeReady(key: string): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) taker(this.#begin(key));
    else if (this.#taken === undefined) this.#backlog.add(key);
    else this.#ready.push(key);
  }

  #next(): string | undefined {
    const turn = this.#taken ?? 0;
    this.#taken = turn + 1;
    const isOldOnesTurn = turn % BACKLOG_SHARE === 0 || this.#ready.length === 0;
    const old = isOldOnesTurn && this.#backlog.size > 0 ? this.#inOrder.next().value : undefined;
    if (old === undefined) return this.#ready.shift();
    this.#backlog.delete(old);
    return old;
  }

  #begin(key: string): string {
    this.#dirty.delete(key);
    this.#working.add(key);
    return key;
  }
}
