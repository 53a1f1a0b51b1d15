/** The status of a VirtualMachine, from itself and its instance. Pure. Spelled as KubeVirt spells it. */

import { templateDifference } from '../../api/kubevirt/v1/template-difference.ts';
import { RESTART_REQUIRED, runStrategyOf, type VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { isFinal, type VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition, isTrue, withCondition, withoutCondition } from '../../api/meta/conditions.ts';
import type { Condition } from '../../api/meta/v1.ts';
import { madeFrom, ownTemplate } from './instance.ts';
import type { Requests } from './run-strategy.ts';
import { type StartFailure, waitForRetry } from './start-failure.ts';

export type VMStatus = NonNullable<VirtualMachine['status']>;

export interface StatusInput {
  readonly vm: VirtualMachine;
  readonly vmi: VirtualMachineInstance | undefined;
  readonly requests: Requests;
  readonly startFailure: StartFailure | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** What `kubectl get vm` and `kubectl wait` should see. */
export function desiredStatus({ vm, vmi, requests, startFailure, now }: StatusInput): VMStatus {
  const { stateChangeRequests: _r, startFailure: _f, ...others } = vm.status ?? {};
  const { generation } = vm.metadata;
  return {
    ...others,
    created: vmi !== undefined,
    ready: vmi !== undefined && isTrue(vmi.status?.conditions, 'Ready'),
    printableStatus: printableStatus(vm, vmi, startFailure, now),
    conditions: desiredConditions(vm, vmi, now),
    runStrategy: runStrategyOf(vm),
    ...(generation === undefined ? {} : { observedGeneration: generation, desiredGeneration: generation }),
    ...(requests.length > 0 ? { stateChangeRequests: requests } : {}),
    ...(startFailure === undefined ? {} : { startFailure }),
  };
}

function printableStatus(
  vm: VirtualMachine,
  vmi: VirtualMachineInstance | undefined,
  startFailure: StartFailure | undefined,
  now: number,
): string {
  if (vm.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (vmi === undefined || isFinal(vmi)) {
    const willRetry = startFailure !== undefined && runStrategyOf(vm) !== 'Halted';
    if (willRetry && waitForRetry(startFailure, now) > 0) return 'CrashLoopBackOff';
    return vmi === undefined && runStrategyOf(vm) === 'Always' ? 'Starting' : 'Stopped';
  }
  if (vmi.metadata.deletionTimestamp !== undefined) return 'Stopping';
  if (vmi.status?.phase === 'Running') return 'Running';
  if (findCondition(vmi.status?.conditions, 'PodScheduled')?.reason === 'Unschedulable') return 'ErrorUnschedulable';
  return 'Starting';
}

function desiredConditions(
  vm: VirtualMachine,
  vmi: VirtualMachineInstance | undefined,
  now: number,
): readonly Condition[] {
  const conditions = withCondition(vm.status?.conditions, readyCondition(vmi), now);
  const restart = restartRequired(vm, vmi);
  return restart === undefined
    ? withoutCondition(conditions, RESTART_REQUIRED)
    : withCondition(conditions, restart, now);
}

function readyCondition(vmi: VirtualMachineInstance | undefined): Condition {
  if (vmi === undefined) {
    return { type: 'Ready', status: 'False', reason: 'VMINotExists', message: 'VMI does not exist' };
  }
  const own = findCondition(vmi.status?.conditions, 'Ready');
  if (own === undefined) {
    const message = `the instance is ${vmi.status?.phase ?? 'Pending'} and has not said whether it is ready`;
    return { type: 'Ready', status: 'False', reason: 'GuestNotRunning', message };
  }
  const { status, reason, message } = own;
  return { type: 'Ready', status, ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
}

/** A template's changes reach the guest with its next start, not before. */
function restartRequired(vm: VirtualMachine, vmi: VirtualMachineInstance | undefined): Condition | undefined {
  if (vmi === undefined || isFinal(vmi) || vmi.metadata.deletionTimestamp !== undefined) return undefined;
  const fields = templateDifference(madeFrom(vmi), ownTemplate(vm));
  if (fields.length === 0) return undefined;
  const { name, namespace } = vm.metadata;
  return {
    type: RESTART_REQUIRED,
    status: 'True',
    reason: 'TemplateChanged',
    message:
      `the running instance was made before ${fields.join(', ')} changed; ` +
      `to apply that, run: postern vm restart ${name} -n ${namespace}`,
  };
}
