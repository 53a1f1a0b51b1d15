/**
 * Whether a VirtualMachine should have an instance now: its run strategy and the requests of its start, stop and restart
 * subresources. Pure. https://kubevirt.io/user-guide/compute/run_strategies/
 */
import { type RunStrategy, runStrategyOf, type VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { isFinal, type VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';

export type Requests = NonNullable<NonNullable<VirtualMachine['status']>['stateChangeRequests']>;

export interface Want {
  /** What to do to get there; `none` also when an instance is already on its way. */
  readonly action: 'start' | 'stop' | 'none';
  /** The requests that are still to be carried out. */
  readonly requests: Requests;
}

/** What a VirtualMachine wants of the instance that it has, if it has one. */
export function want(vm: VirtualMachine, vmi: VirtualMachineInstance | undefined): Want {
  const requests = openRequests(vm.status?.stateChangeRequests ?? [], vmi);
  if (vm.metadata.deletionTimestamp !== undefined) return { action: stopped(vmi), requests: [] };
  if (vmi === undefined) return withoutInstance(vm, requests);
  if (requests[0]?.action === 'Stop') return { action: stopped(vmi), requests };
  return afterInstance(runStrategyOf(vm), vmi, requests);
}

/** Requests that have not been met yet: a stop is met when its instance is gone, a start when there is an instance. */
function openRequests(requests: Requests, vmi: VirtualMachineInstance | undefined): Requests {
  const [first, ...rest] = requests;
  if (first === undefined) return [];
  const met = first.action === 'Start' ? vmi !== undefined : vmi === undefined || isAnother(first.uid, vmi);
  return met ? openRequests(rest, vmi) : requests;
}

function isAnother(uid: string | undefined, vmi: VirtualMachineInstance): boolean {
  return uid !== undefined && uid !== vmi.metadata.uid;
}

/** Without an instance: does the strategy, or somebody, ask for one? */
function withoutInstance(vm: VirtualMachine, requests: Requests): Want {
  const strategy = runStrategyOf(vm);
  const asked = requests[0]?.action === 'Start';
  switch (strategy) {
    case 'Always':
      return { action: 'start', requests };
    case 'Halted':
      return { action: 'none', requests: [] };
    case 'Manual':
      return { action: asked ? 'start' : 'none', requests };
    case 'RerunOnFailure':
    case 'Once': {
      if (asked) return { action: 'start', requests };
      // Changing to one of these starts the guest once. The request keeps that in mind until there is an instance.
      const isNew = vm.status?.runStrategy !== strategy;
      return isNew ? { action: 'start', requests: [{ action: 'Start' }] } : { action: 'none', requests };
    }
  }
}

/** With an instance, and nobody asking to stop it. */
function afterInstance(strategy: RunStrategy, vmi: VirtualMachineInstance, requests: Requests): Want {
  switch (strategy) {
    case 'Halted':
      return { action: stopped(vmi), requests };
    case 'Always':
      return { action: isFinal(vmi) ? stopped(vmi) : 'none', requests };
    case 'RerunOnFailure': {
      if (vmi.status?.phase !== 'Failed') return { action: 'none', requests };
      // Once the failed instance is gone, nothing else would tell that another one is due.
      const start = { action: 'Start' as const };
      return { action: stopped(vmi), requests: [{ action: 'Stop', uid: vmi.metadata.uid ?? '' }, start] };
    }
    case 'Manual':
    case 'Once':
      return { action: 'none', requests };
  }
}

function stopped(vmi: VirtualMachineInstance | undefined): 'stop' | 'none' {
  return vmi !== undefined && vmi.metadata.deletionTimestamp === undefined ? 'stop' : 'none';
}
