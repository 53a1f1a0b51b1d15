/** Which pods are ours to run. */
import type { Pod } from '../api/core/v1/pod.ts';
import { LAUNCHER_LABEL } from '../api/kubevirt/v1/virtualmachineinstance.ts';

/** Whether it is made of containers. The pod of a virtual machine stands for its guest, which another part runs. */
export function isContainerPod({ metadata }: Pod): boolean {
  if (metadata.labels?.[LAUNCHER_LABEL] !== 'virt-launcher') return true;
  return !metadata.ownerReferences?.some(
    (owner) => owner.controller === true && owner.kind === 'VirtualMachineInstance',
  );
}
