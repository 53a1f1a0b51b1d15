/** Conditions of a deployment, in Kubernetes' words: `kubectl rollout status` reads them. Pure. */
import type { DeploymentCondition, DeploymentStatus } from '../../api/apps/v1/deployment.ts';
import { findCondition, withoutCondition } from '../../api/meta/conditions.ts';
import { printTime } from '../../api/time.ts';

/** The conditions of a deployment, in the order in which they were last set. */
export type Conditions = NonNullable<DeploymentStatus['conditions']>;

/** Reasons of the condition Progressing. */
export const REASON = {
  created: 'NewReplicaSetCreated',
  notCreated: 'ReplicaSetCreateError',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  complete: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
} as const;

type Wanted = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * The conditions with this one added or replaced; the same list when its status and reason are as they were. `touch` renews
 * lastUpdateTime even then, as progress does. `now` is wall-clock milliseconds.
 */
export function withCondition(conditions: Conditions, wanted: Wanted, now: number, touch = false): Conditions {
  const current = findCondition(conditions, wanted.type);
  if (!touch && current?.status === wanted.status && current.reason === wanted.reason) return conditions;
  const time = printTime(now);
  const since = current?.status === wanted.status ? current.lastTransitionTime : undefined;
  const next = { ...wanted, lastUpdateTime: time, lastTransitionTime: since ?? time };
  return [...withoutCondition(conditions, wanted.type), next];
}

/** Whether as many pods are available as the strategy wants at least. */
export function available(holds: boolean): Wanted {
  return holds
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
}

/** How the roll-out goes. */
export function progressing(status: 'True' | 'False' | 'Unknown', reason: string, message: string): Wanted {
  return { type: 'Progressing', status, reason, message };
}
