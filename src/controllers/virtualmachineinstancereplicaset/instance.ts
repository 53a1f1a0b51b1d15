/** The instances that a replica set makes, and whose they are. Pure. */
import { INSTANCE_FINALIZER, VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import type { OwnerReference } from '../../api/meta/v1.ts';

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
      ownerReferences: [ownerReference(set)],
    },
    spec,
  };
}

/** The reference by which an instance belongs to a set. */
export function ownerReference({ metadata }: VirtualMachineInstanceReplicaSet): OwnerReference {
  return {
    apiVersion: VirtualMachineInstanceReplicaSet.apiVersion,
    kind: VirtualMachineInstanceReplicaSet.kind,
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Whoever controls an instance; undefined when nobody does. */
export function controllerOf({ metadata }: VirtualMachineInstance): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}
