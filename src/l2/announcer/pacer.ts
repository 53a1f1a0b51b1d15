/**
 * Sends in small portions. A node that takes over a thousand addresses has thousands of frames to send: at once they would
 * hold up its answers, fill the interface's queue, and trip the storm control of switches.
 */
import type { Clock } from '../../host/clock.ts';
import { type Duration, milliseconds } from '../../lib/duration.ts';

/** Addresses that may be announced without waiting, and how soon as many more may be: 4,000 a second. */
const PORTION = 8;
const PAUSE: Duration = milliseconds(2);

export class Pacer {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #left = PORTION;
  #refilling = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the caller may send what it has for one address; in the order of the calls. */
  turn(): Promise<void> {
    if (!this.#refilling) void this.#refill();
    if (this.#left > 0) {
      this.#left--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #refill(): Promise<void> {
    this.#refilling = true;
    do {
      await this.#clock.sleep(PAUSE);
      const ready = this.#waiting.splice(0, PORTION);
      this.#left = PORTION - ready.length;
      for (const resolve of ready) resolve();
    } while (this.#left < PORTION);
    this.#refilling = false;
  }
}
