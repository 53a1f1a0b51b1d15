/** kubevirt.io/v1 VirtualMachine: a guest that is wanted, and the template of its runs. https://kubevirt.io/api-reference/ */
import { ageColumn } from '../../age.ts';
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { conditions, objectMeta } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { conditionPath, conditionStatus } from '../../print.ts';
import {
  anything,
  boolean,
  int64,
  list,
  map,
  object,
  oneOf,
  open,
  required,
  string,
  type TypeOf,
} from '../../schema.ts';
import { instanceSpec } from './instance-spec.ts';
import { validateVirtualMachine } from './virtualmachine.validation.ts';

/** Condition of a VirtualMachine whose template changed since its running instance was made from it. */
export const RESTART_REQUIRED = 'RestartRequired';

const RUN_STRATEGIES = ['Always', 'RerunOnFailure', 'Manual', 'Halted', 'Once'] as const;
export type RunStrategy = (typeof RUN_STRATEGIES)[number];

const fields = object(
  {
    spec: required(
      object({
        running: boolean('Older spelling of runStrategy: true is Always, false is Halted. Only one of the two.'),
        runStrategy: oneOf(RUN_STRATEGIES, 'When there is an instance. Always restarts it whenever it ends.'),
        instancetype: anything(),
        preference: anything(),
        dataVolumeTemplates: list(anything()),
        updateVolumesStrategy: string(),
        template: required(
          object(
            { metadata: objectMeta, spec: required(instanceSpec) },
            'What instances are made from. A running instance stays as it is until it is restarted.',
          ),
        ),
      }),
    ),
    status: open(
      object({
        created: boolean('There is an instance.'),
        ready: boolean('The instance is ready.'),
        printableStatus: string('Stopped, Starting, Running, Stopping, CrashLoopBackOff, …'),
        conditions,
        runStrategy: string(),
        observedGeneration: int64(),
        desiredGeneration: int64(),
        /** Requests of the start, stop and restart subresources, in order, until the controller has carried them out. */
        stateChangeRequests: list(
          object({
            action: required(oneOf(['Start', 'Stop'])),
            uid: string('The instance that is meant.'),
            data: map(string()),
          }),
        ),
        startFailure: object({
          consecutiveFailCount: int64(),
          lastFailedVMIUID: string(),
          retryAfterTimestamp: string(),
        }),
        volumeSnapshotStatuses: list(anything()),
      }),
    ),
  },
  'A virtual machine that is wanted, and the template of its runs.',
);
export type VirtualMachine = Resource<TypeOf<typeof fields>>;

/** As KubeVirt's own resource definition prints them. */
const virtualMachineColumns: readonly Column<VirtualMachine>[] = [
  ageColumn,
  {
    name: 'Status',
    type: 'string',
    value: ({ status }) => status?.printableStatus ?? '',
    path: '.status.printableStatus',
  },
  {
    name: 'Ready',
    type: 'string',
    value: ({ status }) => conditionStatus(status?.conditions, 'Ready'),
    path: conditionPath('Ready'),
  },
];

/** What is wanted of a machine: runStrategy, or what its older spelling `running` stands for. Neither means Halted. */
export function runStrategyOf({ spec }: VirtualMachine): RunStrategy {
  return spec.runStrategy ?? (spec.running ? 'Always' : 'Halted');
}

export const VirtualMachine = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachine',
  plural: 'virtualmachines',
  shortNames: ['vm', 'vms'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  columns: virtualMachineColumns,
  age: false,
  prepare: withoutStatusOnCreate,
  validate: validateVirtualMachine,
});
