/** The status of a job. Pure. In Kubernetes' words. */
import type { Job, JobStatus } from '../../api/batch/v1/job.ts';
import { findCondition, withCondition, withConditions } from '../../api/meta/conditions.ts';
import type { Condition } from '../../api/meta/v1.ts';
import { printTime } from '../../api/time.ts';
import type { End, Tally } from './desired.ts';

export interface StatusInput {
  readonly job: Job;
  /** As it is after the step. */
  readonly tally: Tally;
  readonly end: End | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

type Wanted = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** What is decided, and said before the last pod has ended. */
const DECIDED = { Complete: 'SuccessCriteriaMet', Failed: 'FailureTarget' } as const;

/** What the status of a job says, with its conditions. */
export function desiredStatus({ job, tally, end, now }: StatusInput): JobStatus {
  const { suspend = false } = job.spec;
  const before = job.status ?? {};
  // The job has ended when none of its pods is left that runs.
  const isOver = end !== undefined && tally.active.length + tally.terminating === 0;
  const conditions = withConditions(suspension(job, now), ending(end, isOver), now);
  const startTime = suspend && end === undefined ? undefined : (before.startTime ?? printTime(now));
  const completionTime =
    isOver && end.type === 'Complete' ? (before.completionTime ?? printTime(now)) : before.completionTime;
  const counts = { active: tally.active.length, succeeded: tally.succeeded, failed: tally.failed };
  return {
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ready: tally.ready,
    terminating: tally.terminating,
  };
}

function suspension({ spec, status }: Job, now: number): readonly Condition[] {
  const conditions = status?.conditions ?? [];
  const isSuspended = findCondition(conditions, 'Suspended')?.status === 'True';
  const { suspend = false } = spec;
  if (suspend === isSuspended) return conditions;
  const wanted: Wanted = suspend
    ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
  return withCondition(conditions, wanted, now);
}

function ending(end: End | undefined, isOver: boolean): readonly Wanted[] {
  if (end === undefined) return [];
  const { type, reason, message } = end;
  const decided = { type: DECIDED[type], status: 'True', reason, message };
  return isOver ? [decided, { type, status: 'True', reason, message }] : [decided];
}
