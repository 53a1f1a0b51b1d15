/** Which instances belong to a replica set: those it made, as long as its selector selects them, and matching ones that
 * nobody controls. Pure. Follows Kubernetes' controller references. */
import { isFinal, type VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import type { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { matchesLabels, selectorOf } from '../../api/selectors.ts';
import { controllerOf, ownerReference } from './instance.ts';

type Instances = readonly VirtualMachineInstance[];

export interface Claims {
  /** Belong to the set already. */
  readonly own: Instances;
  /** To be taken over, as they will be. */
  readonly adopt: Instances;
  /** To be let go, as they will be. */
  readonly release: Instances;
}

/** `controlled` are those that refer to the set, `free` those of its namespace that nobody controls. */
export function claims(set: VirtualMachineInstanceReplicaSet, controlled: Instances, free: Instances): Claims {
  // What a set that is going has is the garbage collector's.
  if (set.metadata.deletionTimestamp !== undefined) return { own: controlled, adopt: [], release: [] };
  const isSelected = selects(set);
  return {
    own: controlled.filter(isSelected),
    adopt: free.filter((vmi) => isSelected(vmi) && mayBeAdopted(vmi)).map((vmi) => adopted(vmi, set)),
    release: controlled
      .filter((vmi) => !isSelected(vmi) && vmi.metadata.deletionTimestamp === undefined)
      .map((vmi) => released(vmi, set)),
  };
}

/** Tells whether a set's selector selects an instance. */
export function selects(set: VirtualMachineInstanceReplicaSet): (vmi: VirtualMachineInstance) => boolean {
  const selector = selectorOf(set.spec.selector);
  return ({ metadata }) => matchesLabels(selector, metadata.labels);
}

function mayBeAdopted(vmi: VirtualMachineInstance): boolean {
  return vmi.metadata.deletionTimestamp === undefined && !isFinal(vmi) && controllerOf(vmi) === undefined;
}

function adopted(vmi: VirtualMachineInstance, set: VirtualMachineInstanceReplicaSet): VirtualMachineInstance {
  const others = (vmi.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== set.metadata.uid);
  return { ...vmi, metadata: { ...vmi.metadata, ownerReferences: [...others, ownerReference(set)] } };
}

function released(vmi: VirtualMachineInstance, set: VirtualMachineInstanceReplicaSet): VirtualMachineInstance {
  const ownerReferences = (vmi.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== set.metadata.uid);
  return { ...vmi, metadata: { ...vmi.metadata, ownerReferences } };
}
