/** apps/v1 Deployment: pods that are replaced by those of a new template a few at a time. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
import { ageColumn } from '../../age.ts';
import { podTemplateSpec } from '../../core/v1/pod-spec.ts';
import { templateColumns } from '../../core/v1/pod-template.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { labelSelector } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import {
  boolean,
  int32,
  int64,
  intOrString,
  listMap,
  object,
  open,
  required,
  string,
  type TypeOf,
  time,
} from '../../schema.ts';
import { defaultDeployment, validateDeployment } from './deployment.admission.ts';
import { printSelector } from './replicas.ts';

const condition = object({
  type: required(string('Available, Progressing or ReplicaFailure.')),
  status: required(string('True, False or Unknown.')),
  lastUpdateTime: time(),
  lastTransitionTime: time(),
  reason: string(),
  message: string(),
});

const strategy = object({
  type: string('RollingUpdate or Recreate. Default: RollingUpdate.'),
  rollingUpdate: object({
    maxUnavailable: intOrString('Pods, as a number or a percentage, that may be missing meanwhile. Default: 25%.'),
    maxSurge: intOrString('Pods, as a number or a percentage, that may be too many meanwhile. Default: 25%.'),
  }),
});

const fields = object(
  {
    spec: required(
      object({
        replicas: int32('How many pods there should be. Default: 1.'),
        selector: required(labelSelector),
        template: required(podTemplateSpec),
        strategy,
        minReadySeconds: int32('Seconds that a pod is ready before it counts as available. Default: 0.'),
        revisionHistoryLimit: int32('Old replica sets that are kept, to go back to. Default: 10.'),
        paused: boolean('While true, a change of the template has no effect.'),
        progressDeadlineSeconds: int32('Seconds without progress after which a rollout has failed. Default: 600.'),
      }),
    ),
    status: open(
      object({
        observedGeneration: int64('The generation that the status is of.'),
        replicas: int32('Pods that are there and have neither ended nor been deleted.'),
        updatedReplicas: int32('Those of them that are made from the present template.'),
        readyReplicas: int32('Those that are ready.'),
        availableReplicas: int32('Those that have been ready for minReadySeconds.'),
        unavailableReplicas: int32('Pods that are missing still.'),
        terminatingReplicas: int32('Pods that are on their way out.'),
        conditions: listMap(condition, ['type']),
        collisionCount: int32('How often the name of a replica set was taken by another.'),
      }),
    ),
  },
  'Pods of one template, replaced a few at a time when it changes.',
);
export type Deployment = Resource<TypeOf<typeof fields>>;
export type DeploymentStatus = NonNullable<Deployment['status']>;
export type DeploymentCondition = TypeOf<typeof condition>;

export const Deployment = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  age: false,
  columns: [
    {
      name: 'Ready',
      type: 'string',
      value: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
    },
    { name: 'Up-to-date', type: 'integer', value: ({ status }) => status?.updatedReplicas ?? 0 },
    { name: 'Available', type: 'integer', value: ({ status }) => status?.availableReplicas ?? 0 },
    ageColumn,
    ...templateColumns,
    { name: 'Selector', type: 'string', priority: 1, value: ({ spec }) => printSelector(spec.selector) },
  ],
  scale: {
    wanted: ({ spec }) => spec.replicas ?? 1,
    withWanted: (deployment, replicas) => ({ ...deployment, spec: { ...deployment.spec, replicas } }),
    current: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => printSelector(spec.selector),
  },
  defaults: defaultDeployment,
  prepare: withoutStatusOnCreate,
  validate: validateDeployment,
});
