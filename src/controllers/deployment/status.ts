/** The status of a deployment, from its replica sets as they are after a step. Pure. */
import type { Deployment, DeploymentStatus } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { findCondition, withoutCondition } from '../../api/meta/conditions.ts';
import { seconds } from '../../lib/duration.ts';
import { messageOf } from '../../lib/errors.ts';
import { available, type Conditions, progressing, REASON, withCondition } from './conditions.ts';
import { limitsOf } from './limits.ts';
import { type Split, sizeOf, sum } from './sets.ts';

export interface StatusInput {
  readonly deployment: Deployment;
  /** As they are after the step. */
  readonly sets: Split;
  /** Whether the set of the present template was made in this step. */
  readonly isNew: boolean;
  /** What the API said instead of making it. */
  readonly failure: { readonly set: ReplicaSet; readonly error: unknown } | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

export interface StatusOutcome {
  readonly status: DeploymentStatus;
  /** Milliseconds until the rollout has failed, if nothing happens; undefined: it cannot. */
  readonly wait: number | undefined;
}

type Counts = Required<
  Pick<DeploymentStatus, 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas' | 'unavailableReplicas'>
>;

/** What the status says after a step, and when it is to be looked at again. */
export function desiredStatus(input: StatusInput): StatusOutcome {
  const { deployment, now } = input;
  const counts = countsOf(input.sets);
  const conditions = conditionsOf(input, counts);
  const { observedGeneration: _, conditions: __, collisionCount } = deployment.status ?? {};
  const { generation } = deployment.metadata;
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  return {
    status: {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...Object.fromEntries(shown),
      ...(conditions.length > 0 ? { conditions } : {}),
      ...(collisionCount === undefined ? {} : { collisionCount }),
    },
    wait: untilTimedOut(deployment, conditions, now),
  };
}

function countsOf({ current, old }: Split): Counts {
  const all = current === undefined ? old : [current, ...old];
  const total = (field: 'replicas' | 'readyReplicas' | 'availableReplicas') =>
    sum(all, ({ status }) => status?.[field] ?? 0);
  const availableReplicas = total('availableReplicas');
  return {
    replicas: total('replicas'),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: total('readyReplicas'),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(all, sizeOf) - availableReplicas),
  };
}

function conditionsOf(input: StatusInput, counts: Counts): Conditions {
  const { deployment, sets, now } = input;
  const { replicas, maxUnavailable } = limitsOf(deployment);
  const before = deployment.status?.conditions ?? [];
  const has = available(counts.availableReplicas >= replicas - maxUnavailable);
  const conditions = withCondition(withProgress(before, input, counts), has, now);
  const failure = replicaFailure(sets);
  if (failure === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  return withCondition(conditions, failure, now);
}

/** What a replica set says that keeps it from making or deleting pods; of several the newest's. */
function replicaFailure({ current, old }: Split) {
  const all = [...old, ...(current === undefined ? [] : [current])].reverse();
  const failures = all.map(({ status }) => findCondition(status?.conditions, 'ReplicaFailure'));
  const found = failures.find((condition) => condition !== undefined);
  if (found === undefined) return undefined;
  const { type, status, reason = '', message = '' } = found;
  return { type, status, reason, message };
}

/** The conditions with what is known of the progress, where somebody wants to know it. */
function withProgress(before: Conditions, input: StatusInput, counts: Counts): Conditions {
  const { deployment, now } = input;
  const { progressDeadlineSeconds, paused = false } = deployment.spec;
  if (progressDeadlineSeconds === undefined) return withoutCondition(before, 'Progressing');
  const conditions = withStart(withPause(before, paused, now), input);
  if (paused || input.failure !== undefined) return conditions;
  return withStep(conditions, input, counts);
}

/** A rollout that has failed stays so, paused or not. */
function withPause(conditions: Conditions, paused: boolean, now: number): Conditions {
  const current = findCondition(conditions, 'Progressing');
  if (current?.reason === REASON.timedOut) return conditions;
  const isPaused = current?.reason === REASON.paused;
  if (paused && !isPaused) {
    return withCondition(conditions, progressing('Unknown', REASON.paused, 'Deployment is paused'), now);
  }
  if (paused || !isPaused) return conditions;
  return withCondition(conditions, progressing('Unknown', REASON.resumed, 'Deployment is resumed'), now);
}

/** What became of the replica set of the present template. */
function withStart(conditions: Conditions, { sets, isNew, failure, now }: StatusInput): Conditions {
  if (failure !== undefined) {
    const message = `Failed to create new replica set "${failure.set.metadata.name}": ${messageOf(failure.error)}`;
    return withCondition(conditions, progressing('False', REASON.notCreated, message), now);
  }
  const name = sets.current?.metadata.name;
  if (name === undefined) return conditions;
  if (isNew)
    return withCondition(conditions, progressing('True', REASON.created, `Created new replica set "${name}"`), now);
  if (findCondition(conditions, 'Progressing') !== undefined) return conditions;
  return withCondition(conditions, progressing('True', REASON.found, `Found new replica set "${name}"`), now);
}

function withStep(conditions: Conditions, { deployment, sets, now }: StatusInput, counts: Counts): Conditions {
  const current = findCondition(conditions, 'Progressing');
  if (current?.reason === REASON.complete && counts.replicas === counts.updatedReplicas) return conditions;
  const name = sets.current?.metadata.name;
  const who = name === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${name}"`;
  if (isComplete(deployment, counts)) {
    const message = `${who} has successfully progressed.`;
    return withCondition(conditions, progressing('True', REASON.complete, message), now);
  }
  if (hasProgressed(deployment, counts)) {
    return withCondition(conditions, progressing('True', REASON.updated, `${who} is progressing.`), now, true);
  }
  if (!isTimedOut(deployment, conditions, now)) return conditions;
  return withCondition(conditions, progressing('False', REASON.timedOut, `${who} has timed out progressing.`), now);
}

function isComplete({ spec }: Deployment, counts: Counts): boolean {
  const { replicas = 1 } = spec;
  return counts.updatedReplicas === replicas && counts.replicas === replicas && counts.availableReplicas === replicas;
}

/** More pods of the present template, more that serve, or fewer old ones. */
function hasProgressed({ status = {} }: Deployment, counts: Counts): boolean {
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  return (
    counts.updatedReplicas > updatedReplicas ||
    counts.replicas - counts.updatedReplicas < replicas - updatedReplicas ||
    counts.readyReplicas > readyReplicas ||
    counts.availableReplicas > availableReplicas
  );
}

function isTimedOut(deployment: Deployment, conditions: Conditions, now: number): boolean {
  if (findCondition(conditions, 'Progressing')?.reason === REASON.timedOut) return true;
  const wait = untilTimedOut(deployment, conditions, now);
  return wait !== undefined && wait <= 0;
}

function untilTimedOut({ spec }: Deployment, conditions: Conditions, now: number): number | undefined {
  const { reason, lastUpdateTime } = findCondition(conditions, 'Progressing') ?? {};
  if (spec.paused === true || spec.progressDeadlineSeconds === undefined || lastUpdateTime === undefined)
    return undefined;
  if (reason === REASON.complete || reason === REASON.timedOut) return undefined;
  // Times are in whole seconds.
  return Date.parse(lastUpdateTime) + seconds(spec.progressDeadlineSeconds + 1) - now;
}
