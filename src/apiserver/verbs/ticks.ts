/** Something to do now and then for whoever waits for something else, without a timer for each wait. */
import type { Clock } from '../../host/clock.ts';
import type { Duration } from '../../lib/duration.ts';

export class Ticks {
  /** Ends the wait that is under way. */
  #wake: (() => void) | undefined;
  /** A tick that nobody waited for yet. */
  #isDue = false;

  /** Ticks each `interval` until the signal is aborted. */
  constructor(clock: Clock, interval: Duration, signal: AbortSignal) {
    void this.#run(clock, interval, signal);
  }

  /** Resolves with what `next` does, or with `tick` when one comes before; then `next` can be waited for again. One wait at a time. */
  or<T>(next: Promise<T>): Promise<T | 'tick'> {
    if (this.#isDue) {
      this.#isDue = false;
      return Promise.resolve('tick');
    }
    return new Promise((resolve, reject) => {
      const wake = () => resolve('tick');
      this.#wake = wake;
      const settled = () => {
        if (this.#wake === wake) this.#wake = undefined;
      };
      next.then(
        (value) => {
          settled();
          resolve(value);
        },
        (error: unknown) => {
          settled();
          reject(error);
        },
      );
    });
  }

  async #run(clock: Clock, interval: Duration, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(interval, signal).catch(() => {}); // The loop looks at the signal.
      if (signal.aborted) return;
      const wake = this.#wake;
      this.#wake = undefined;
      if (wake === undefined) this.#isDue = true;
      else wake();
    }
  }
}
