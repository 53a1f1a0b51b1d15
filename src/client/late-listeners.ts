/**
 * Listeners of an informer that came when there were objects already: they are told of them in turns of the event loop, and of those first
 * that changed last.
 */
import type { Pace } from '../host/paced.ts';
import type { Change } from './informer.ts';

type Listener<T> = (change: Change<T>) => void;

/**
 * How many changes are told of first, the last ones. Among them is what another process left undone: some seconds' worth of what servers
 * write.
 */
const RECENT = 2000;

interface Late<T> {
  readonly listener: Listener<T>;
  /** Keys of objects that it has not heard of. */
  readonly untold: Set<string>;
}

export class LateListeners<T> {
  readonly #get: (key: string) => T | undefined;
  /** Keys in the order of changes, some of them more than once; it goes round. */
  readonly #recent: string[] = [];
  #changes = 0;
  #late: readonly Late<T>[] = [];

  constructor(get: (key: string) => T | undefined) {
    this.#get = get;
  }

  /** Notes that an object changes. */
  note(key: string): void {
    this.#recent[this.#changes++ % RECENT] = key;
  }

  /**
   * Adds one that is to be told of the objects with these keys. What is returned is to be called with changes from now on: to the listener, an
   * object that it has not heard of is new when it changes, and never was when it is deleted.
   */
  add(listener: Listener<T>, keys: Iterable<string>): Listener<T> {
    const untold = new Set(keys);
    this.#late = [...this.#late, { listener, untold }];
    return (change) => {
      if (!untold.delete(change.key)) listener(change);
      else if (change.object !== undefined) listener({ ...change, previous: undefined });
    };
  }

  /** Tells all of them of what changed last, beginning with the very last. */
  async tellRecent(pace: Pace): Promise<void> {
    const next = this.#changes % RECENT;
    const keys = [...this.#recent.slice(next), ...this.#recent.slice(0, next)].reverse();
    for (const late of this.#late) await this.#tell(late, keys, pace);
  }

  /** Tells all of them of what they have not heard of; then they are as any other. */
  async tellRest(pace: Pace): Promise<void> {
    const all = this.#late;
    for (const late of all) await this.#tell(late, late.untold, pace);
    this.#late = this.#late.filter((late) => !all.includes(late));
  }

  async #tell({ listener, untold }: Late<T>, keys: Iterable<string>, pace: Pace): Promise<void> {
    for (const key of keys) {
      const object = this.#get(key);
      if (untold.delete(key) && object !== undefined) listener({ key, object, previous: undefined });
      const rest = pace();
      if (rest !== undefined) await rest;
    }
  }
}
