/** What start, stop and restart make of a virtual machine. Pure. */
import { runStrategyOf, type VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { isFinal, type VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';

export type Instance = VirtualMachineInstance;

/** The machine as it should be, or why it cannot be done: a Conflict, in KubeVirt's words. */
export type Verdict = VirtualMachine | { readonly refused: string };

type StateChange = NonNullable<NonNullable<VirtualMachine['status']>['stateChangeRequests']>[number];

export function started(vm: VirtualMachine, vmi: Instance | undefined): Verdict {
  if (hasRequest(vm, 'Start')) return { refused: 'VM is already starting' };
  const running = isRunning(vmi);
  switch (runStrategyOf(vm)) {
    case 'Halted':
      return running ? { refused: 'VM is already running' } : withStrategy(vm, 'Always');
    case 'Manual':
    case 'RerunOnFailure':
    case 'Once':
      return running ? { refused: 'VM is already running' } : withRequests(vm, [startRequest]);
    case 'Always':
      return { refused: running ? 'VM is already running' : 'Always does not support manual start requests' };
  }
}

export function stopped(vm: VirtualMachine, vmi: Instance | undefined): Verdict {
  const running = isRunning(vmi);
  switch (runStrategyOf(vm)) {
    case 'Halted':
      return running && vmi ? withRequests(vm, [stopRequest(vmi)]) : { refused: 'VM is not running' };
    case 'Always':
      return withStrategy(vm, 'Halted');
    case 'Manual':
    case 'RerunOnFailure':
    case 'Once':
      return running && vmi ? withRequests(vm, [stopRequest(vmi)]) : { refused: 'VM is not running' };
  }
}

export function restarted(vm: VirtualMachine, vmi: Instance | undefined): Verdict {
  if (runStrategyOf(vm) === 'Halted') return { refused: 'Halted does not support manual restart requests' };
  if (!isRunning(vmi) || vmi === undefined) return { refused: 'VM is not running' };
  if (hasRequest(vm, 'Stop')) return { refused: 'VM is already stopping or restarting' };
  return withRequests(vm, [stopRequest(vmi), startRequest]);
}

const startRequest: StateChange = { action: 'Start' };

function stopRequest({ metadata }: Instance): StateChange {
  return { action: 'Stop', ...(metadata.uid === undefined ? {} : { uid: metadata.uid }) };
}

/** Whether there is an instance that has not come to its end. */
function isRunning(vmi: Instance | undefined): boolean {
  return vmi !== undefined && !isFinal(vmi);
}

/** In the spelling that the manifest uses. */
function withStrategy(vm: VirtualMachine, strategy: 'Always' | 'Halted'): VirtualMachine {
  const { running, runStrategy: _, ...spec } = vm.spec;
  const wanted = running === undefined ? { runStrategy: strategy } : { running: strategy === 'Always' };
  return { ...vm, spec: { ...spec, ...wanted } };
}

function hasRequest({ status }: VirtualMachine, action: StateChange['action']): boolean {
  return (status?.stateChangeRequests ?? []).some((request) => request.action === action);
}

function withRequests(vm: VirtualMachine, added: readonly StateChange[]): VirtualMachine {
  return {
    ...vm,
    status: { ...vm.status, stateChangeRequests: [...(vm.status?.stateChangeRequests ?? []), ...added] },
  };
}
