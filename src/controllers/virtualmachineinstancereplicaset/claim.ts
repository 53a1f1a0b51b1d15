/** Which instances belong to a replica set. Pure. */
import { isFinal, type VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { matchesLabels, selectorOf } from '../../api/selectors.ts';
import { type Claims, claims } from '../ownership.ts';

type Instances = readonly VirtualMachineInstance[];

/** `controlled` are those that refer to the set, `free` those of its namespace that nobody controls. */
export function claimsOf(
  set: VirtualMachineInstanceReplicaSet,
  controlled: Instances,
  free: Instances,
): Claims<VirtualMachineInstance> {
  const owner = { kind: VirtualMachineInstanceReplicaSet, object: set };
  return claims(owner, selectorOf(set.spec.selector), { controlled, free: free.filter((vmi) => !isFinal(vmi)) });
}

/** Tells whether a set's selector selects an instance. */
export function selects(set: VirtualMachineInstanceReplicaSet): (vmi: VirtualMachineInstance) => boolean {
  const selector = selectorOf(set.spec.selector);
  return ({ metadata }) => matchesLabels(selector, metadata.labels);
}
