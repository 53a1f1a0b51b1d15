/**
 * metallb.io/v1beta1 MetalLB: the object of MetalLB's operator, which sets what is the same for the whole load balancer and
 * shows how it is. There is at most one. https://github.com/metallb/metallb-operator
 */
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import { conditionPath } from '../../print.ts';
import { anything, boolean, int64, list, map, object, oneOf, string, type TypeOf } from '../../schema.ts';
import { metalLBWarnings, validateMetalLB } from './metallb.validation.ts';

const NO_EFFECT = 'Accepted, without effect here.';
const toleration = object({
  key: string(),
  operator: string(),
  value: string(),
  effect: string(),
  tolerationSeconds: int64(),
});
const config = object(
  {
    priorityClassName: string(),
    runtimeClassName: string(),
    affinity: anything('A core/v1 Affinity.'),
    annotations: map(string()),
    resources: anything('A core/v1 ResourceRequirements.'),
  },
  NO_EFFECT,
);

/** How much is logged: `all` as debug, `none` nothing. */
const LOG_LEVELS = ['all', 'debug', 'info', 'warn', 'error', 'none'] as const;

const fields = object(
  {
    spec: object({
      nodeSelector: map(string(), 'Labels of the nodes that may announce; empty means every node.'),
      logLevel: oneOf(LOG_LEVELS, 'Default: info.'),
      loadBalancerClass: string('The class of the Services that are served.'),
      image: string(NO_EFFECT),
      speakerTolerations: list(toleration, NO_EFFECT),
      controllerNodeSelector: map(string(), NO_EFFECT),
      controllerTolerations: list(toleration, NO_EFFECT),
      controllerConfig: config,
      speakerConfig: config,
      bgpBackend: oneOf(['native', 'frr', 'frr-k8s', 'frr-k8s-external'], NO_EFFECT),
      frrk8sConfig: object(
        { alwaysBlock: list(string()), namespace: string(), secretPassthrough: boolean() },
        NO_EFFECT,
      ),
      speakerGratuitousARPInterval: string(NO_EFFECT),
    }),
    status: object({ conditions }),
  },
  'Settings of the load balancer, and how it is.',
);
export type MetalLB = Resource<TypeOf<typeof fields>>;

/** As the operator's own resource definition prints them; AGE follows. */
const metalLBColumns: readonly Column<MetalLB>[] = [
  statusOf('Available'),
  statusOf('Degraded'),
  statusOf('Progressing'),
];

function statusOf(type: string): Column<MetalLB> {
  return {
    name: type,
    type: 'string',
    description: `${type} condition status`,
    value: ({ status }) => status?.conditions?.find((condition) => condition.type === type)?.status ?? '',
    path: conditionPath(type),
  };
}

export const MetalLB = defineKind({
  group: 'metallb.io',
  version: 'v1beta1',
  kind: 'MetalLB',
  plural: 'metallbs',
  namespaced: true,
  status: true,
  schema: fields,
  columns: metalLBColumns,
  prepare: withoutStatusOnCreate,
  validate: validateMetalLB,
  warnings: metalLBWarnings,
});
