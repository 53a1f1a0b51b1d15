/** kubevirt.io/v1 VirtualMachineInstance: one run of a guest. https://kubevirt.io/api-reference/ */
import { defineKind, type ObjectOf } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import { anything, list, map, object, required, string, time } from '../../schema.ts';
import { instanceSpec } from './instance-spec.ts';

/** Finalizer that keeps an instance until its guest is gone. */
export const INSTANCE_FINALIZER = 'foregroundDeleteVirtualMachine';
/** Label of an instance's pod whose value is the instance's UID. */
export const CREATED_BY_LABEL = 'kubevirt.io/created-by';
/** Label of the pod of an instance; its value is `virt-launcher`. */
export const LAUNCHER_LABEL = 'kubevirt.io';
/** Label of the pod of an instance that names the instance. */
export const VM_NAME_LABEL = 'vm.kubevirt.io/name';
/** Label of an instance that names its node. */
export const NODE_NAME_LABEL = 'kubevirt.io/nodeName';

export const VirtualMachineInstance = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachineInstance',
  plural: 'virtualmachineinstances',
  shortNames: ['vmi', 'vmis'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: object({
    spec: required(instanceSpec),
    status: object({
      phase: string('Pending, Scheduling, Scheduled, Running, Succeeded or Failed.'),
      reason: string(),
      nodeName: string(),
      conditions,
      interfaces: list(
        object({
          name: string(),
          mac: string(),
          ipAddress: string(),
          ipAddresses: list(string()),
          interfaceName: string(),
          infoSource: string(),
        }),
      ),
      phaseTransitionTimestamps: list(object({ phase: string(), phaseTransitionTimestamp: time() })),
      activePods: map(string(), 'UID of the pod to the node it is on.'),
      guestOSInfo: anything(),
      qosClass: string(),
    }),
  }),
});
export type VirtualMachineInstance = ObjectOf<typeof VirtualMachineInstance>;
