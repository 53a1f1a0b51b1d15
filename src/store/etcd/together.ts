/**
 * Writes that leave together. etcd takes what has come when it begins a round of its log, and a round costs it, its disk and its other members
 * about the same for one write as for twenty: those who come while others are under way wait a moment, until these have been answered.
 */

/** Milliseconds for which a write waits for others at most, however slow etcd is. */
const WAIT = 5;

export class Together {
  #underWay = 0;
  #held: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Sends a write, at once when none is under way. Those that wait leave in the order in which they came. */
  async run<T>(send: () => Promise<T>): Promise<T> {
    if (this.#underWay === 0) this.#underWay++;
    else await this.#others();
    try {
      return await send();
    } finally {
      if (--this.#underWay === 0) this.#release();
    }
  }

  #others(): Promise<void> {
    return new Promise((resolve) => {
      this.#held.push(resolve);
      this.#timer ??= setTimeout(() => this.#release(), WAIT);
    });
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const held = this.#held;
    this.#held = [];
    // They count from now on: who comes before they have left is not to leave before them.
    this.#underWay += held.length;
    for (const leave of held) leave();
  }
}
