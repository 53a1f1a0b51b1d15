/** A sleep that can be cut short. */
import type { Clock } from './clock.ts';

/** For a loop that works from time to time, and at once when there is a reason to. */
export class Wake {
  #current: AbortController | undefined;
  #pending = false;

  /** Ends the sleep; without one, the next ends at once. */
  now(): void {
    this.#pending = true;
    this.#current?.abort();
  }

  /** Ends after `ms`, when it is woken, or when the signal is aborted; never rejects. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending) {
      const current = new AbortController();
      this.#current = current;
      await clock.sleep(ms, AbortSignal.any([signal, current.signal])).catch(() => {});
      this.#current = undefined;
    }
    this.#pending = false;
  }
}
