/** Time, behind an interface so that decisions about time can be tested without waiting for it. */

export interface Clock {
  /** Wall-clock time in milliseconds since 1970. People and programs set it, forward and back: for dates, not for durations. */
  now(): number;
  /** Milliseconds since some moment, at the pace of time, whatever the wall clock is set to: for durations of this process. */
  steady(): number;
  /** Resolves after `duration` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(duration: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  sleep: (duration, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, duration);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #now: number;
  /** What the wall clock was set forward. */
  #set = 0;
  #sleepers: { at: number; wake: () => void }[] = [];

  constructor(start = 0) {
    this.#now = start;
  }

  now(): number {
    return this.#now + this.#set;
  }

  steady(): number {
    return this.#now;
  }

  /** Sets the wall clock forward or, by less than 0, back, as an administrator or NTP does. No time passes. */
  set(by: number): void {
    this.#set += by;
  }

  sleep(duration: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const sleeper = { at: this.#now + duration, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
          reject(signal.reason);
        },
        { once: true },
      );
    });
  }

  /** Moves time forward and wakes, in order, everyone whose time has come. */
  async advance(duration: number): Promise<void> {
    const end = this.#now + duration;
    for (;;) {
      const next = this.#sleepers.filter((s) => s.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = next.at;
      this.#sleepers = this.#sleepers.filter((s) => s !== next);
      next.wake();
      await Promise.resolve();
    }
    this.#now = end;
  }
}
