/** core/v1 ReplicationController: what ReplicaSets were before there were ReplicaSets. https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/ */
import { notNegative, replicaColumns } from '../../apps/v1/replicas.ts';
import { replicaSetStatus } from '../../apps/v1/replicaset.ts';
import { requiredValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { validateLabels } from '../../meta/validation.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { printLabels } from '../../print.ts';
import { int32, map, object, required, string, type TypeOf } from '../../schema.ts';
import { matchesLabels, printLabelSelector, selectorOfLabels } from '../../selectors.ts';
import type { Cause } from '../../status.ts';
import { podTemplateSpec } from './pod-spec.ts';
import { defaultPodTemplate, validateServingTemplate } from './pod-template.ts';

const fields = object(
  {
    spec: required(
      object({
        replicas: int32('How many pods there should be. Default: 1.'),
        minReadySeconds: int32('Seconds that a pod is ready before it counts as available. Default: 0.'),
        selector: map(string(), 'Labels of the pods that count. Default: those of the template.'),
        template: required(podTemplateSpec),
      }),
    ),
    status: replicaSetStatus,
  },
  'So many pods of one template.',
);
export type ReplicationController = Resource<TypeOf<typeof fields>>;

export const ReplicationController = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  age: false,
  columns: replicaColumns<ReplicationController>(({ spec }) => printLabels(spec.selector)),
  scale: {
    wanted: ({ spec }) => spec.replicas ?? 1,
    withWanted: (rc, replicas) => ({ ...rc, spec: { ...rc.spec, replicas } }),
    current: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => printLabelSelector(selectorOfLabels(spec.selector ?? {})),
  },
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  defaults: defaultReplicationController,
  prepare: withoutStatusOnCreate,
  validate: validateReplicationController,
});

/** The template's labels stand for the selector, and for the controller's own labels, where those are missing. */
function defaultReplicationController(rc: ReplicationController): ReplicationController {
  const { spec, metadata } = rc;
  const template = defaultPodTemplate(spec.template);
  const { labels = {} } = template.metadata ?? {};
  const hasNone = (given: Readonly<Record<string, string>> = {}) => Object.keys(given).length === 0;
  return {
    ...rc,
    metadata: hasNone(metadata.labels) && !hasNone(labels) ? { ...metadata, labels } : metadata,
    spec: {
      ...spec,
      replicas: spec.replicas ?? 1,
      ...(hasNone(spec.selector) && !hasNone(labels) ? { selector: labels } : {}),
      template,
    },
  };
}

/** Follows ValidateReplicationController. */
function validateReplicationController({ spec }: ReplicationController): readonly Cause[] {
  const { selector = {}, template } = spec;
  const wanted = selectorOfLabels(selector);
  return [
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...(wanted.length === 0 ? [requiredValue('spec.selector')] : validateLabels(selector, 'spec.selector')),
    ...notNegative('spec.replicas', spec.replicas),
    ...validateServingTemplate(template, {
      kind: 'ReplicationController',
      field: 'spec.template',
      matches: (labels) => matchesLabels(wanted, labels),
    }),
  ];
}
