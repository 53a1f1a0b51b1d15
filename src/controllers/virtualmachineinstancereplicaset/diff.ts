/** How many instances to make, and which to delete. Pure. */
import { isFinal, type VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import {
  replicasOf,
  type VirtualMachineInstanceReplicaSet,
} from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { isTrue } from '../../api/meta/conditions.ts';
import { seconds } from '../../lib/duration.ts';

/** Instances made, or deleted, in one go: KubeVirt's bound. More follow when these have been told of. */
export const BURST = 250;
/** An instance that ended so soon after it was made would end so again. */
const EARLY = seconds(60);
/** So long such an instance keeps its place, so that a guest that cannot run is not made anew all the time. */
const REST = seconds(10);

export interface ScalePlan {
  /** How many to make. */
  readonly create: number;
  /** Too many; those that are missed least come first. */
  readonly excess: readonly VirtualMachineInstance[];
  /** Ended, and to be deleted. */
  readonly finished: readonly VirtualMachineInstance[];
  /** Milliseconds until an ended instance has kept its place long enough. */
  readonly wait?: number;
}

/** Those that count: they have neither ended nor been deleted. */
export function activeOf(instances: readonly VirtualMachineInstance[]): readonly VirtualMachineInstance[] {
  return instances.filter((vmi) => vmi.metadata.deletionTimestamp === undefined && !isFinal(vmi));
}

/** What brings a set's instances to their number. `now` is wall-clock milliseconds. */
export function scalePlan(
  set: VirtualMachineInstanceReplicaSet,
  instances: readonly VirtualMachineInstance[],
  now: number,
): ScalePlan {
  if (set.spec.paused === true || set.metadata.deletionTimestamp !== undefined) {
    return { create: 0, excess: [], finished: [] };
  }
  const wanted = replicasOf(set);
  const active = activeOf(instances);
  const ended = instances.filter((vmi) => isFinal(vmi) && vmi.metadata.deletionTimestamp === undefined);
  const free = Math.max(0, wanted - active.length);
  const resting = ended.filter((vmi) => restOf(vmi, now) > 0).slice(0, free);
  const waits = resting.map((vmi) => restOf(vmi, now));
  return {
    create: Math.min(BURST, free - resting.length),
    excess: [...active].sort(byWorth).slice(0, Math.min(BURST, Math.max(0, active.length - wanted))),
    finished: ended.filter((vmi) => !resting.includes(vmi)).slice(0, BURST),
    ...(waits.length > 0 ? { wait: Math.min(...waits) } : {}),
  };
}

/** Milliseconds that an ended instance has still to keep its place. */
function restOf({ metadata, status }: VirtualMachineInstance, now: number): number {
  const entered = status?.phaseTransitionTimestamps?.find(({ phase }) => phase === status.phase);
  const end = Date.parse(entered?.phaseTransitionTimestamp ?? '');
  const ranFor = end - Date.parse(metadata.creationTimestamp ?? '');
  return ranFor < EARLY ? Math.max(0, end + REST - now) : 0;
}

/** From nothing to something that runs. */
const PHASES = [undefined, '', 'Pending', 'Scheduling', 'Scheduled', 'Running'];

/** Those that serve nobody come first; of equals the youngest. */
function byWorth(a: VirtualMachineInstance, b: VirtualMachineInstance): number {
  return (
    Number(isReady(a)) - Number(isReady(b)) ||
    PHASES.indexOf(a.status?.phase) - PHASES.indexOf(b.status?.phase) ||
    compare(b.metadata.creationTimestamp, a.metadata.creationTimestamp) ||
    compare(a.metadata.name, b.metadata.name)
  );
}

/** Whether an instance serves. */
export function isReady({ status }: VirtualMachineInstance): boolean {
  return isTrue(status?.conditions, 'Ready');
}

function compare(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
