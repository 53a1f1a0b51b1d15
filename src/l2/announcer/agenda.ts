/**
 * What is to be sent, and when, in small portions. A node that takes over a thousand addresses has thousands of frames to
 * send: at once they would hold up its answers, fill the interface's queue, and trip the storm control of switches.
 */
import type { Clock } from '../../host/clock.ts';
import { type Duration, milliseconds } from '../../lib/duration.ts';

/** Addresses that may be announced without waiting, and how soon as many more may be: 4,000 a second. */
const PORTION = 8;
const PAUSE: Duration = milliseconds(2);

/** False when there was nothing to do after all; then the next takes its place. */
type Act = () => boolean;

export class Agenda {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #due: Act[] = [];
  /** How much may be done until the pause is over. */
  #left = PORTION;
  #refilling = false;
  /** What was put on the agenda in this turn of the event loop shares a timer. By the time to wait. */
  readonly #open = new Map<Duration, Act[]>();

  /** Nothing is done any more once the signal is aborted. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Does something after so long, and after all that has been due before. */
  add(act: Act, after: Duration): void {
    const open = this.#open.get(after);
    if (open !== undefined) {
      open.push(act);
      return;
    }
    const acts = [act];
    this.#open.set(after, acts);
    void this.#later(acts, after);
  }

  async #later(acts: readonly Act[], after: Duration): Promise<void> {
    await Promise.resolve();
    this.#open.delete(after);
    if (after > 0) await this.#clock.sleep(after, this.#signal).catch(() => {}); // The signal is checked below.
    for (const act of acts) this.#due.push(act);
    this.#work();
    if (!this.#refilling) await this.#refill();
  }

  async #refill(): Promise<void> {
    this.#refilling = true;
    while (this.#left < PORTION && !this.#signal.aborted) {
      await this.#clock.sleep(PAUSE, this.#signal).catch(() => {}); // The signal is checked by the loop.
      this.#left = PORTION;
      this.#work();
    }
    this.#refilling = false;
  }

  #work(): void {
    let tried = 0;
    while (this.#left > 0 && tried < this.#due.length && !this.#signal.aborted) {
      if (this.#due[tried++]?.()) this.#left--;
    }
    this.#due.splice(0, tried);
  }
}
