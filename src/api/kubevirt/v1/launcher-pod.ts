/** Which pods stand for guests. */
import type { Pod } from '../../core/v1/pod.ts';
import { LAUNCHER_LABEL, VirtualMachineInstance } from './virtualmachineinstance.ts';

/**
 * Label of Nodes that run guests and nothing else, as `postern vm agent` registers them in a cluster of others, and the key of their taint.
 */
export const GUEST_NODE = 'postern.dev/guests';

/** Whether a pod is that of a virtual machine: its node runs a guest for it, and no containers. */
export function isLauncherPod({ metadata }: Pod): boolean {
  if (metadata.labels?.[LAUNCHER_LABEL] !== 'virt-launcher') return false;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner?.kind === VirtualMachineInstance.kind && owner.apiVersion === VirtualMachineInstance.apiVersion;
}
