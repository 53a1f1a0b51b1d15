/** What the results of a probe come to. Pure. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes */
import type { Probe } from '../../api/core/v1/pod-spec.ts';
import type { Result } from './result.ts';

/** How often in a row a probe came to the same, and whether it passes. */
export interface Progress {
  /** What counts: as often in a row as it takes, the probe has said so. */
  readonly passes: boolean;
  /** The last result, and how often it came in a row. */
  readonly last: 'success' | 'failure' | undefined;
  readonly inRow: number;
}

/** Where a probe begins: `passes` is what counts until it has said something. */
export function begin(passes: boolean): Progress {
  return { passes, last: undefined, inRow: 0 };
}

/** The progress after another result. */
export function next(progress: Progress, result: Result, probe: Probe): Progress {
  if (result.kind === 'error') return progress;
  const last = result.kind === 'failure' ? 'failure' : 'success';
  const inRow = last === progress.last ? progress.inRow + 1 : 1;
  const { failureThreshold = 3, successThreshold = 1 } = probe;
  const isEnough = inRow >= (last === 'failure' ? failureThreshold : successThreshold);
  return { passes: isEnough ? last === 'success' : progress.passes, last, inRow };
}

/** Whether a probe has failed as often as it may: for probes whose failure ends the container. */
export function isOver({ last, inRow }: Progress, { failureThreshold = 3 }: Probe): boolean {
  return last === 'failure' && inRow >= failureThreshold;
}
