/**
 * core/v1 Pod. A running virtual machine has one too: it carries the labels, node and addresses, so that everything
 * that selects pods selects virtual machines.
 */
import { defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import {
  anything,
  boolean,
  int32,
  int64,
  list,
  listMap,
  map,
  object,
  required,
  type Schema,
  string,
  type TypeOf,
  time,
} from '../../schema.ts';
import { defaultPod, preparePod, validatePod } from './pod.admission.ts';
import { podColumns } from './pod.status.ts';

/** The parts of a spec that are not acted on yet are kept as they came. */
function open<T>(schema: Schema<T>): Schema<T> {
  return { required: schema.required, node: { ...schema.node, 'x-kubernetes-preserve-unknown-fields': true } };
}

const containerPort = object({
  name: string(),
  containerPort: required(int32()),
  hostPort: int32(),
  hostIP: string(),
  protocol: string(),
});
const container = open(
  object({
    name: required(string()),
    image: string(),
    command: list(string()),
    args: list(string()),
    ports: listMap(containerPort, ['containerPort', 'protocol']),
  }),
);

const fields = object({
  spec: open(
    object({
      nodeName: string(),
      hostname: string(),
      subdomain: string(),
      hostNetwork: boolean(),
      restartPolicy: string(),
      terminationGracePeriodSeconds: int64(),
      nodeSelector: map(string()),
      serviceAccountName: string(),
      containers: listMap(container, ['name']),
      readinessGates: list(object({ conditionType: required(string()) })),
    }),
  ),
  status: object({
    phase: string('Pending, Running, Succeeded, Failed or Unknown.'),
    conditions,
    message: string(),
    reason: string(),
    nominatedNodeName: string(),
    hostIP: string(),
    hostIPs: list(object({ ip: required(string()) })),
    podIP: string('The first of podIPs.'),
    podIPs: listMap(object({ ip: required(string()) }), ['ip']),
    startTime: time(),
    containerStatuses: list(anything()),
    initContainerStatuses: list(anything()),
    qosClass: string(),
  }),
});
export type Pod = Resource<TypeOf<typeof fields>>;

export const Pod = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  columns: podColumns,
  defaults: defaultPod,
  prepare: preparePod,
  validate: validatePod,
  selectableFields: {
    'spec.nodeName': (pod) => pod.spec?.nodeName ?? '',
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIP ?? '',
  },
  gracePeriod: (pod) => (pod.spec?.nodeName ? (pod.spec.terminationGracePeriodSeconds ?? 30) : undefined),
});
