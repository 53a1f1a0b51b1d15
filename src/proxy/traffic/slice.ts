/** Long work in between: others have their turn every few milliseconds. */
import { setImmediate as turn } from 'node:timers/promises';

/** How long the event loop may be held up, in milliseconds. */
const SLICE = 8;
/** Steps between two looks at the time. */
const STEPS = 32;

export class Slice {
  #since = performance.now();
  #steps = 0;

  /** To be called after each small step; undefined, or what to wait for. */
  pause(): Promise<void> | undefined {
    if (++this.#steps % STEPS !== 0 || performance.now() - this.#since < SLICE) return undefined;
    return this.#turn();
  }

  async #turn(): Promise<void> {
    await turn();
    this.#since = performance.now();
  }
}
