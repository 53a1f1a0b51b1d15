/**
 * How long a container that ended waits for its next run: not at all at first, then 10 s, twice that after each end, at most
 * 5 minutes; anew once it has been quiet for 10. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
 */
import { seconds } from '../../lib/duration.ts';

const FIRST = seconds(10);
const LONGEST = seconds(300);

/** What is remembered of a container's restarts, in milliseconds. */
export interface CrashBackOff {
  readonly delay: number;
  /** When it was last restarted. */
  readonly at: number;
}

/** Wall-clock milliseconds from which on a container that ended at `finishedAt` may be started. */
export function mayStartAt(backOff: CrashBackOff | undefined, finishedAt: number): number {
  return backOff === undefined || isOver(backOff, finishedAt) ? finishedAt : finishedAt + backOff.delay;
}

/** What to remember when it is started again at `now`. */
export function restarted(backOff: CrashBackOff | undefined, finishedAt: number, now: number): CrashBackOff {
  if (backOff === undefined || isOver(backOff, finishedAt)) return { delay: FIRST, at: now };
  return { delay: Math.min(LONGEST, backOff.delay * 2), at: now };
}

function isOver({ at }: CrashBackOff, finishedAt: number): boolean {
  return finishedAt - at > 2 * LONGEST;
}
