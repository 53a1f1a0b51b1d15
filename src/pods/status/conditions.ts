/** The conditions of a pod, from the states of its containers. Pure. */
import type { ContainerStatus, Pod } from '../../api/core/v1/pod.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { Condition } from '../../api/meta/v1.ts';

export interface ConditionFacts {
  readonly pod: Pod;
  readonly phase: string;
  /** The sandbox runs, and has its addresses. */
  readonly hasSandbox: boolean;
  readonly initialized: boolean;
  readonly init: readonly ContainerStatus[];
  readonly app: readonly ContainerStatus[];
}

/** Those that the node writes, in the order in which Kubernetes shows them. Others' are left alone. */
export function desiredConditions(facts: ConditionFacts): readonly Condition[] {
  const containers = containersReady(facts);
  return [
    flag('PodReadyToStartContainers', facts.hasSandbox),
    initialized(facts),
    ready(facts, containers),
    containers,
    // Said already where a scheduler bound the pod; one that was made for the node needs none.
    { type: 'PodScheduled', status: 'True' },
  ];
}

function initialized({ phase, initialized: isDone, init }: ConditionFacts): Condition {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  if (isDone) return flag('Initialized', true);
  const incomplete = init.filter(({ ready }) => !ready).map(({ name }) => name);
  const message = `containers with incomplete status: [${incomplete.join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
}

function containersReady({ pod, phase, init, app }: ConditionFacts): Condition {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const counted = [...init.filter(({ name }) => sidecars.some((each) => each.name === name)), ...app];
  const unready = counted.filter((status) => !status.ready).map(({ name }) => name);
  if (unready.length === 0) return flag(type, true);
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}

function ready({ pod }: ConditionFacts, containers: Condition): Condition {
  if (containers.status !== 'True') return { ...containers, type: 'Ready' };
  const missing = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const status = findCondition(pod.status?.conditions, conditionType)?.status;
    if (status === 'True') return [];
    return status === undefined
      ? [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
      : [`the status of pod readiness gate "${conditionType}" is not "True", but ${status}`];
  });
  if (missing.length === 0) return flag('Ready', true);
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}

function flag(type: string, holds: boolean): Condition {
  return { type, status: holds ? 'True' : 'False' };
}
