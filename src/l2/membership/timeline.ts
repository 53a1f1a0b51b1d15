/** For tests: a time of its own, in which what is to happen happens in order and takes none. */

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** Time, and what is to happen in it. */
export class Timeline {
  #now = 0;
  #count = 0;
  /** A heap: no event comes before its parent, which stands at half its place. */
  readonly #heap: Event[] = [];

  get now(): number {
    return this.#now;
  }

  after(delay: number, run: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, delay), order: this.#count++, run, isCancelled: false };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  /** Lets everything happen that happens within so many milliseconds. */
  run(duration: number): void {
    const end = this.#now + duration;
    for (let first = this.#heap[0]; first !== undefined && first.at <= end; first = this.#heap[0]) {
      this.#pop();
      this.#now = first.at;
      if (!first.isCancelled) first.run();
    }
    this.#now = end;
  }

  #push(event: Event): void {
    let at = this.#heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapUnless(parent, at)) break;
      at = parent;
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (least >= this.#heap.length || !this.#swapUnless(at, least)) return;
      at = least;
    }
  }

  /** Swaps a parent and its child unless they are in order; returns whether it did. */
  #swapUnless(parent: number, child: number): boolean {
    if (!this.#isBefore(child, parent)) return false;
    const [a, b] = [this.#heap[parent], this.#heap[child]];
    if (a === undefined || b === undefined) return false;
    this.#heap[parent] = b;
    this.#heap[child] = a;
    return true;
  }

  #isBefore(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    return x !== undefined && y !== undefined && (x.at - y.at || x.order - y.order) < 0;
  }
}
