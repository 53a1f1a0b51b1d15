/** What a job needs next, from its pods. Pure. https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
import type { Job } from '../../api/batch/v1/job.ts';
import { isPodReady } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { findCondition, isTrue } from '../../api/meta/conditions.ts';
import { seconds } from '../../lib/duration.ts';
import { isActive } from '../pods.ts';

/** The wait before a pod is made in the place of one that failed; doubles with each failure in a row. */
const FIRST_WAIT = seconds(10);
const MAX_WAIT = seconds(600);

/** How a job's pods are. */
export interface Tally {
  readonly active: readonly Pod[];
  /** Asked to end, and still there. */
  readonly terminating: number;
  readonly ready: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** How a job ends, in Kubernetes' words. */
export interface End {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

/** Pods that ended and were deleted since have been counted: numbers only rise. */
export function tallyOf({ status }: Job, pods: readonly Pod[]): Tally {
  const active = pods.filter(isActive);
  const ended = (phase: string) => pods.filter((pod) => pod.status?.phase === phase).length;
  return {
    active,
    terminating: pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined).length,
    ready: active.filter(isPodReady).length,
    succeeded: Math.max(status?.succeeded ?? 0, ended('Succeeded')),
    failed: Math.max(status?.failed ?? 0, ended('Failed')),
  };
}

/** Whether a job has ended for good. */
export function isFinished({ status }: Job): boolean {
  return isTrue(status?.conditions, 'Complete') || isTrue(status?.conditions, 'Failed');
}

/** Whether it has been written how a job ends. */
export function isDecided({ status }: Job): boolean {
  return isTrue(status?.conditions, 'SuccessCriteriaMet') || isTrue(status?.conditions, 'FailureTarget');
}

/** How the job ends; undefined while it goes on. Once it is decided it stays. `now` is wall-clock milliseconds. */
export function endOf(job: Job, tally: Tally, now: number): End | undefined {
  const { spec, status } = job;
  const decided = [
    { type: 'Complete' as const, condition: findCondition(status?.conditions, 'SuccessCriteriaMet') },
    { type: 'Failed' as const, condition: findCondition(status?.conditions, 'FailureTarget') },
  ].find(({ condition }) => condition?.status === 'True');
  if (decided !== undefined) {
    const { reason = '', message = '' } = decided.condition ?? {};
    return { type: decided.type, reason, message };
  }
  const { backoffLimit = 6, completions } = spec;
  if (tally.failed > backoffLimit || hasRestartedTooOften(job, tally)) {
    const message = 'Job has reached the specified backoff limit';
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message };
  }
  const wait = untilDeadline(job, now);
  if (wait !== undefined && wait <= 0) {
    const message = 'Job was active longer than specified deadline';
    return { type: 'Failed', reason: 'DeadlineExceeded', message };
  }
  const isDone =
    completions === undefined ? tally.succeeded > 0 && tally.active.length === 0 : tally.succeeded >= completions;
  if (!isDone) return undefined;
  const message = 'Reached expected number of succeeded pods';
  return { type: 'Complete', reason: 'CompletionsReached', message };
}

/** Containers that are started again where they are count as failed pods do. */
function hasRestartedTooOften({ spec }: Job, { active }: Tally): boolean {
  if (spec.template.spec?.restartPolicy !== 'OnFailure') return false;
  const statuses = active.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  const restarts = statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  const { backoffLimit = 6 } = spec;
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

/** Milliseconds until the job has run for too long; undefined: it may run for ever, or does not run. */
export function untilDeadline({ spec, status }: Job, now: number): number | undefined {
  const { activeDeadlineSeconds, suspend = false } = spec;
  if (activeDeadlineSeconds === undefined || suspend || status?.startTime === undefined) return undefined;
  return Date.parse(status.startTime) + seconds(activeDeadlineSeconds) - now;
}

/** How many pods there should be now. */
export function wantedPods({ spec }: Job, tally: Tally): number {
  const { parallelism = 1, completions, suspend = false } = spec;
  if (suspend) return 0;
  if (completions !== undefined) return Math.min(parallelism, Math.max(0, completions - tally.succeeded));
  // One has found that the work is done: the others end by themselves.
  return tally.succeeded > 0 ? Math.min(parallelism, tally.active.length) : parallelism;
}

/** Pods in whose place none is made yet. */
export function heldPlaces({ spec }: Job, { terminating }: Tally): number {
  return spec.podReplacementPolicy === 'Failed' ? terminating : 0;
}

/** Milliseconds before the next pod is made: longer after each failure since the last success. */
export function retryWait(pods: readonly Pod[], now: number): number {
  const last = Math.max(0, ...pods.filter(({ status }) => status?.phase === 'Succeeded').map(endTime));
  const failures = pods
    .filter(({ status }) => status?.phase === 'Failed')
    .map(endTime)
    .filter((end) => end >= last);
  if (failures.length === 0) return 0;
  const wait = Math.min(MAX_WAIT, FIRST_WAIT * 2 ** Math.min(failures.length - 1, 10));
  return Math.max(0, Math.max(...failures) + wait - now);
}

/** When a pod ended, as far as it says. */
function endTime({ metadata, status }: Pod): number {
  const finished = (status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ''),
  );
  const ready = Date.parse(findCondition(status?.conditions, 'Ready')?.lastTransitionTime ?? '');
  const known = [...finished, ready].filter((time) => !Number.isNaN(time));
  return known.length > 0 ? Math.max(...known) : Date.parse(metadata.creationTimestamp ?? '') || 0;
}

/** Milliseconds until an ended job is to be deleted; undefined: it stays. */
export function untilExpired({ spec, status }: Job, now: number): number | undefined {
  const { ttlSecondsAfterFinished: ttl } = spec;
  const end = ['Complete', 'Failed']
    .map((type) => findCondition(status?.conditions, type))
    .find((one) => one?.status === 'True');
  if (ttl === undefined || end === undefined) return undefined;
  return Date.parse(end.lastTransitionTime ?? '') + seconds(ttl) - now;
}
