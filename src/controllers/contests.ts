/** Notices when somebody else undoes what we write, so that two who disagree do not write as fast as they can. */
import { type Duration, milliseconds, seconds } from '../lib/duration.ts';

/** Before the same is written once more. Doubles each time, up to {@link LONGEST}. */
const FIRST: Duration = seconds(1);
const LONGEST: Duration = seconds(60);

interface Written {
  readonly outcome: string;
  /** Milliseconds of a steady clock. */
  readonly at: number;
  /** How long the same is not written again. */
  readonly rest: Duration;
}

/** Kept for each Service. A new outcome is never held up. */
export class Contests {
  readonly #last = new Map<string, Written>();

  /** How long to wait, in milliseconds, before an outcome is written; 0: not at all. */
  wait(key: string, outcome: string, now: number): number {
    const last = this.#last.get(key);
    return last?.outcome === outcome ? Math.max(0, last.at + last.rest - now) : 0;
  }

  /** Notes that an outcome was written. Returns whether that was for the second time, soon after the first. */
  wrote(key: string, outcome: string, now: number): boolean {
    const last = this.#last.get(key);
    // What has stood for long was not contested.
    const isContested = last?.outcome === outcome && now - last.at < 2 * last.rest;
    const rest = isContested ? milliseconds(Math.min(2 * last.rest, LONGEST)) : FIRST;
    this.#last.set(key, { outcome, at: now, rest });
    return isContested;
  }

  forget(key: string): void {
    this.#last.delete(key);
  }
}
