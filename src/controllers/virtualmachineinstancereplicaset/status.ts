/** The status of a replica set. Pure. Spelled as KubeVirt spells it. */
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import type { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { withCondition, withoutCondition } from '../../api/meta/conditions.ts';
import type { Condition } from '../../api/meta/v1.ts';
import { printLabelSelector, selectorOf } from '../../api/selectors.ts';
import { activeOf, isReady } from './diff.ts';

export type ReplicaSetStatus = NonNullable<VirtualMachineInstanceReplicaSet['status']>;

export const PAUSED_CONDITION = 'ReplicaPaused';
const FAILURE_CONDITION = 'ReplicaFailure';

/** What could not be done, in the API's words. */
export interface ScaleFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
}

export interface StatusInput {
  readonly set: VirtualMachineInstanceReplicaSet;
  readonly instances: readonly VirtualMachineInstance[];
  readonly failure: ScaleFailure | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

export function desiredStatus({ set, instances, failure, now }: StatusInput): ReplicaSetStatus {
  const { conditions: _, ...others } = set.status ?? {};
  const active = activeOf(instances);
  const paused: Wanted =
    set.spec.paused === true
      ? { type: PAUSED_CONDITION, status: 'True', reason: 'Paused', message: 'Controller got paused' }
      : undefined;
  const failed: Wanted = failure && { type: FAILURE_CONDITION, status: 'True', ...failure };
  const before = set.status?.conditions;
  const conditions = settle(settle(before, PAUSED_CONDITION, paused, now), FAILURE_CONDITION, failed, now);
  return {
    ...others,
    replicas: active.length,
    readyReplicas: active.filter(isReady).length,
    labelSelector: printLabelSelector(selectorOf(set.spec.selector)),
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

type Wanted = Condition | undefined;

function settle(conditions: readonly Condition[] | undefined, type: string, wanted: Wanted, now: number) {
  return wanted === undefined ? withoutCondition(conditions, type) : withCondition(conditions, wanted, now);
}
