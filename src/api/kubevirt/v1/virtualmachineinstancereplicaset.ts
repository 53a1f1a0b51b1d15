/** kubevirt.io/v1 VirtualMachineInstanceReplicaSet: so many instances of one template. https://kubevirt.io/api-reference/ */
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { conditions, labelSelector, objectMeta } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { boolean, int32, object, open, required, string, type TypeOf } from '../../schema.ts';
import { instanceSpec } from './instance-spec.ts';
import { validateReplicaSet } from './virtualmachineinstancereplicaset.validation.ts';

/** Replicas that are wanted when the manifest does not say. */
const DEFAULT_REPLICAS = 1;

const fields = object(
  {
    spec: required(
      object({
        replicas: int32('How many instances there should be. Default: 1.'),
        selector: required(labelSelector),
        template: required(
          object(
            { metadata: objectMeta, spec: required(instanceSpec) },
            'What instances are made from. Those that run stay as they are.',
          ),
        ),
        paused: boolean('While true, no instance is made or deleted.'),
      }),
    ),
    status: open(
      object({
        replicas: int32('Instances that are there and have neither ended nor been deleted.'),
        readyReplicas: int32('Those of them that are ready.'),
        labelSelector: string('The selector as text, for the scale subresource.'),
        conditions,
      }),
    ),
  },
  'So many virtual machine instances of one template.',
);
export type VirtualMachineInstanceReplicaSet = Resource<TypeOf<typeof fields>>;

/** As KubeVirt's own resource definition prints them. */
const replicaSetColumns: readonly Column<VirtualMachineInstanceReplicaSet>[] = [
  { name: 'Desired', type: 'integer', value: replicasOf, path: '.spec.replicas' },
  { name: 'Current', type: 'integer', value: ({ status }) => status?.replicas ?? '', path: '.status.replicas' },
  { name: 'Ready', type: 'integer', value: ({ status }) => status?.readyReplicas ?? '', path: '.status.readyReplicas' },
];

/** How many instances are wanted. */
export function replicasOf({ spec }: VirtualMachineInstanceReplicaSet): number {
  return spec.replicas ?? DEFAULT_REPLICAS;
}

export const VirtualMachineInstanceReplicaSet = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachineInstanceReplicaSet',
  plural: 'virtualmachineinstancereplicasets',
  shortNames: ['vmirs', 'vmirss'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  columns: replicaSetColumns,
  scale: {
    wanted: replicasOf,
    withWanted: (set, replicas) => ({ ...set, spec: { ...set.spec, replicas } }),
    current: ({ status }) => status?.replicas ?? 0,
    selector: ({ status }) => status?.labelSelector ?? '',
  },
  defaults: (set) => ({ ...set, spec: { ...set.spec, replicas: replicasOf(set) } }),
  prepare: withoutStatusOnCreate,
  validate: validateReplicaSet,
});
