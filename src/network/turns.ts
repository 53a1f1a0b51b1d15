/** Who waits for whom: what concerns everybody is done one after the other; what concerns one, beside others'. */

/** Lets work be done one piece after the other, first come, first served. What fails does not keep the next from its turn. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** A turn for each key, and at most so many keys at once. */
export class Turns {
  readonly #byKey = new Map<string, { readonly turn: Turn; waiting: number }>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#byKey.get(key) ?? { turn: new Turn(), waiting: 0 };
    this.#byKey.set(key, entry);
    entry.waiting++;
    try {
      return await entry.turn.run(() => this.#bounded(work));
    } finally {
      if (--entry.waiting === 0) this.#byKey.delete(key);
    }
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
