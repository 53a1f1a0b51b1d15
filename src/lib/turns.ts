/** Who waits for whom: what concerns everybody is done one after the other; what concerns one, beside others'; and only so much at once. */

/** Lets at most so many pieces of work run at once; the others wait their turn, first come, first served. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
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

/** Lets work be done one piece after the other, first come, first served. What fails does not keep the next from its turn. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined); // Who asked for it hears of it.
    return result;
  }
}

/** A turn for each key, and at most so many keys at once. */
export class Turns {
  readonly #byKey = new Map<string, { readonly turn: Turn; waiting: number }>();
  readonly #slots: Slots;

  constructor(atOnce: number) {
    this.#slots = new Slots(atOnce);
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#byKey.get(key) ?? { turn: new Turn(), waiting: 0 };
    this.#byKey.set(key, entry);
    entry.waiting++;
    try {
      return await entry.turn.run(() => this.#slots.run(work));
    } finally {
      if (--entry.waiting === 0) this.#byKey.delete(key);
    }
  }
}
