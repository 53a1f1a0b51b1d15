/** The instances that a replica set makes, and whose they are. Pure. */
import { INSTANCE_FINALIZER, VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { ownerReference } from '../ownership.ts';

/** The instance to create. The server completes its name, from the template's where that has one, as in KubeVirt. */
export function instanceOf(set: VirtualMachineInstanceReplicaSet): VirtualMachineInstance {
  const { name = '', namespace = '' } = set.metadata;
  const { metadata = {}, spec } = set.spec.template;
  return {
    apiVersion: VirtualMachineInstance.apiVersion,
    kind: VirtualMachineInstance.kind,
    metadata: {
      generateName: metadata.name || metadata.generateName || name,
      namespace,
      labels: metadata.labels ?? {},
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      finalizers: [INSTANCE_FINALIZER],
      ownerReferences: [ownerReference({ kind: VirtualMachineInstanceReplicaSet, object: set })],
    },
    spec,
  };
}
