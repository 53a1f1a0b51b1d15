/** The status of a replica set, or of a replication controller. Pure. */
import type { ReplicaSetStatus } from '../../api/apps/v1/replicaset.ts';
import { isPodReady } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { withCondition, withoutCondition } from '../../api/meta/conditions.ts';
import { matchesLabels, selectorOfLabels } from '../../api/selectors.ts';
import { messageOf } from '../../lib/errors.ts';
import { isActive, untilAvailable } from '../pods.ts';
import type { Wanted } from './family.ts';

const FAILURE = 'ReplicaFailure';

/** What could not be done, and what the API said. */
export interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly error: unknown;
}

export interface StatusInput {
  readonly wanted: Wanted;
  readonly pods: readonly Pod[];
  readonly before: ReplicaSetStatus | undefined;
  readonly generation: number | undefined;
  readonly failure: Failure | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

export interface StatusOutcome {
  readonly status: ReplicaSetStatus;
  /** Milliseconds until a pod that is ready now is available; undefined: there is none to wait for. */
  readonly wait: number | undefined;
}

/** What the status says of the pods that there are, and when it is to be looked at again. */
export function desiredStatus({ wanted, pods, before, generation, failure, now }: StatusInput): StatusOutcome {
  const active = pods.filter(isActive);
  const templateLabels = selectorOfLabels(wanted.template.metadata?.labels ?? {});
  const waits = active.map((pod) => untilAvailable(pod, wanted.minReadySeconds, now));
  const coming = waits.filter((wait) => wait !== undefined).filter((wait) => wait > 0);
  const conditions =
    failure === undefined
      ? withoutCondition(before?.conditions, FAILURE)
      : withCondition(before?.conditions, conditionOf(failure), now);
  const counts = {
    fullyLabeledReplicas: active.filter(({ metadata }) => matchesLabels(templateLabels, metadata.labels)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: waits.filter((wait) => wait === 0).length,
  };
  return {
    status: {
      replicas: active.length,
      ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...(conditions.length > 0 ? { conditions } : {}),
    },
    wait: coming.length > 0 ? Math.min(...coming) : undefined,
  };
}

function conditionOf({ reason, error }: Failure) {
  return { type: FAILURE, status: 'True', reason, message: messageOf(error) };
}
