/** kubevirt.io/v1 VirtualMachineInstance: one run of a guest. https://kubevirt.io/api-reference/ */
import { ageColumn } from '../../age.ts';
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { conditionPath, conditionStatus } from '../../print.ts';
import { anything, list, map, object, open, required, string, type TypeOf, time } from '../../schema.ts';
import { instanceSpec } from './instance-spec.ts';
import { validateInstance } from './virtualmachine.validation.ts';

/** Finalizer that keeps an instance until its guest is gone. */
export const INSTANCE_FINALIZER = 'foregroundDeleteVirtualMachine';
/** Label of an instance's pod whose value is the instance's UID. */
export const CREATED_BY_LABEL = 'kubevirt.io/created-by';
/** Label of the pod of an instance; its value is `virt-launcher`. */
export const LAUNCHER_LABEL = 'kubevirt.io';
/** Label of the pod of an instance that names the instance. */
export const VM_NAME_LABEL = 'vm.kubevirt.io/name';
/** Longest value of a label. */
const LABEL_LIMIT = 63;

/** The value of that label: the instance's name, as far as a label can hold it. */
export function nameLabelValue(name: string): string {
  return name.slice(0, LABEL_LIMIT);
}

const fields = object(
  {
    spec: required(instanceSpec),
    status: open(
      object({
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
    ),
  },
  'One run of a virtual machine.',
);
export type VirtualMachineInstance = Resource<TypeOf<typeof fields>>;

/** As KubeVirt's own resource definition prints them. */
const instanceColumns: readonly Column<VirtualMachineInstance>[] = [
  ageColumn,
  { name: 'Phase', type: 'string', value: ({ status }) => status?.phase ?? '', path: '.status.phase' },
  {
    name: 'IP',
    type: 'string',
    value: ({ status }) => status?.interfaces?.[0]?.ipAddress ?? '',
    path: '.status.interfaces[0].ipAddress',
  },
  { name: 'NodeName', type: 'string', value: ({ status }) => status?.nodeName ?? '', path: '.status.nodeName' },
  {
    name: 'Ready',
    type: 'string',
    value: ({ status }) => conditionStatus(status?.conditions, 'Ready'),
    path: conditionPath('Ready'),
  },
  {
    name: 'Live-Migratable',
    type: 'string',
    priority: 1,
    value: ({ status }) => conditionStatus(status?.conditions, 'LiveMigratable'),
    path: conditionPath('LiveMigratable'),
  },
  {
    name: 'Paused',
    type: 'string',
    priority: 1,
    value: ({ status }) => conditionStatus(status?.conditions, 'Paused'),
    path: conditionPath('Paused'),
  },
];

/** Whether the instance has ended and will not run again. */
export function isFinal({ status }: VirtualMachineInstance): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

export const VirtualMachineInstance = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachineInstance',
  plural: 'virtualmachineinstances',
  shortNames: ['vmi', 'vmis'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  columns: instanceColumns,
  age: false,
  prepare: withoutStatusOnCreate,
  validate: validateInstance,
});
