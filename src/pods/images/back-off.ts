/**
 * How long a pull that failed is not tried again: 10 s, twice that after each failure, at most 5 minutes; anew once none has failed for
 * ten. https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
 */
import { seconds } from '../../lib/duration.ts';

const FIRST = seconds(10);
const LONGEST = seconds(300);

/** What is remembered of an image's failures, in milliseconds. */
export interface PullBackOff {
  readonly delay: number;
  /** When it failed last. */
  readonly failedAt: number;
  /** What the runtime said then. */
  readonly message: string;
}

/** Milliseconds until the next try may begin; 0 when it may now. */
export function pauseOf(backOff: PullBackOff | undefined, now: number): number {
  if (backOff === undefined) return 0;
  // A clock that was set back does not make it longer.
  return Math.min(backOff.delay, Math.max(0, backOff.failedAt + backOff.delay - now));
}

/** What to remember of a failure. */
export function failedAgain(backOff: PullBackOff | undefined, message: string, now: number): PullBackOff {
  const isFirst = backOff === undefined || now - backOff.failedAt > 2 * LONGEST;
  return { delay: isFirst ? FIRST : Math.min(LONGEST, backOff.delay * 2), failedAt: now, message };
}
