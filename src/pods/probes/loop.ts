/** Tries one probe of a container over and over. */
import type { Probe } from '../../api/core/v1/pod-spec.ts';
import type { Clock } from '../../host/clock.ts';
import type { RunningContainer } from '../parts.ts';
import type { Attempt } from './attempt.ts';
import { begin, next, type Progress } from './progress.ts';
import { type Result, SUCCESS } from './result.ts';

/** Milliseconds until a container that has only just been started is tried again; doubles from try to try. */
const EAGER_PAUSE = 100;

export interface LoopOptions {
  readonly probe: Probe;
  readonly running: RunningContainer;
  /** What counts until the probe has said something. */
  readonly passes: boolean;
  /** Milliseconds from now until the first try. */
  readonly after: number;
  /**
   * Whether to try more often than the probe asks within its first period, so that a pod counts as ready when it is. Only
   * success counts then.
   */
  readonly isEager: boolean;
  readonly attempt: Attempt;
  readonly clock: Clock;
  /** Is told of each result that counts. False: no more tries. */
  readonly onResult: (result: Result, progress: Progress) => boolean;
}

/** Goes on until the signal is aborted, or `onResult` has enough. */
export async function probeLoop(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { after, attempt, clock, onResult, passes, probe, running } = options;
  const { periodSeconds = 10, timeoutSeconds = 1 } = probe;
  const timeout = timeoutSeconds * 1000;
  const period = periodSeconds * 1000;
  let progress = begin(passes);
  let isEager = options.isEager && probe.exec === undefined;
  if (!(await pause(clock, after, signal))) return;
  for (;;) {
    const due = clock.steady() + period;
    const result = await attempt(probe, running, timeout, signal);
    if (signal.aborted) return;
    progress = next(progress, result, probe);
    if (!onResult(result, progress)) return;
    for (let gap = EAGER_PAUSE; isEager && !progress.passes && clock.steady() + gap < due; gap *= 2) {
      if (!(await pause(clock, gap, signal))) return;
      const again = await attempt(probe, running, Math.min(timeout, due - clock.steady()), signal);
      if (signal.aborted) return;
      if (again.kind !== 'success') continue;
      progress = next(progress, SUCCESS, probe);
      if (!onResult(SUCCESS, progress)) return;
    }
    isEager = false;
    // The wall clock may be set meanwhile.
    if (!(await pause(clock, Math.min(period, Math.max(0, due - clock.steady())), signal))) return;
  }
}

/** False when the signal was aborted. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms > 0) await clock.sleep(ms, signal).catch(() => {}); // The signal is looked at.
  return !signal.aborted;
}
