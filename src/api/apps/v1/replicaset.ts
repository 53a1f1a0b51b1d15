/** apps/v1 ReplicaSet: so many pods of one template. https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ */
import { podTemplateSpec } from '../../core/v1/pod-spec.ts';
import { defaultPodTemplate, validateServingTemplate } from '../../core/v1/pod-template.ts';
import { immutable } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { conditions, labelSelector } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { int32, int64, object, open, required, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';
import { notNegative, printSelector, replicaColumns, selectsLabels, validateOwnSelector } from './replicas.ts';

/** The status of a ReplicaSet, and of a ReplicationController. */
export const replicaSetStatus = open(
  object({
    replicas: int32('Pods that are there and have neither ended nor been deleted.'),
    fullyLabeledReplicas: int32('Those of them that have all labels of the template.'),
    readyReplicas: int32('Those of them that are ready.'),
    availableReplicas: int32('Those of them that have been ready for minReadySeconds.'),
    terminatingReplicas: int32('Pods that are on their way out.'),
    observedGeneration: int64('The generation that the status is of.'),
    conditions,
  }),
);

const fields = object(
  {
    spec: required(
      object({
        replicas: int32('How many pods there should be. Default: 1.'),
        minReadySeconds: int32('Seconds that a pod is ready before it counts as available. Default: 0.'),
        selector: required(labelSelector),
        template: required(podTemplateSpec),
      }),
    ),
    status: replicaSetStatus,
  },
  'So many pods of one template.',
);
export type ReplicaSet = Resource<TypeOf<typeof fields>>;
export type ReplicaSetStatus = TypeOf<typeof replicaSetStatus>;

export const ReplicaSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  age: false,
  columns: replicaColumns<ReplicaSet>(({ spec }) => printSelector(spec.selector)),
  scale: {
    wanted: ({ spec }) => spec.replicas ?? 1,
    withWanted: (set, replicas) => ({ ...set, spec: { ...set.spec, replicas } }),
    current: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => printSelector(spec.selector),
  },
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  defaults: (set) => ({
    ...set,
    spec: { ...set.spec, replicas: set.spec.replicas ?? 1, template: defaultPodTemplate(set.spec.template) },
  }),
  prepare: (set, old) => withoutStatusOnCreate(set, old),
  validate: validateReplicaSet,
});

/** Follows ValidateReplicaSet. */
function validateReplicaSet({ spec }: ReplicaSet, old: ReplicaSet | undefined): readonly Cause[] {
  const { selector, template } = spec;
  return [
    ...notNegative('spec.replicas', spec.replicas),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateOwnSelector(selector),
    ...validateServingTemplate(template, {
      kind: 'ReplicaSet',
      field: 'spec.template',
      matches: selectsLabels(selector),
    }),
    ...(old === undefined || sameValue(selector, old.spec.selector) ? [] : [immutable('spec.selector', selector)]),
  ];
}
