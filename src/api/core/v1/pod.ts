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
  open,
  required,
  string,
  type TypeOf,
  time,
  withDefault,
} from '../../schema.ts';
import { defaultPod, preparePod, validatePod } from './pod.admission.ts';
import { podColumns } from './pod.status.ts';

const containerPort = object({
  name: string(),
  containerPort: required(int32()),
  hostPort: int32(),
  hostIP: string(),
  protocol: withDefault(string(), 'TCP'),
});
const container = open(
  object({
    name: required(string()),
    image: string(),
    command: list(string()),
    args: list(string()),
    restartPolicy: string('Always makes an init container a sidecar: it runs as long as the pod.'),
    ports: listMap(containerPort, ['containerPort', 'protocol']),
    // Named for their merge keys: a patch changes one variable, not the list.
    env: listMap(open(object({ name: required(string()), value: string() })), ['name']),
    volumeMounts: listMap(open(object({ name: required(string()), mountPath: required(string()) })), ['mountPath']),
  }),
);

const fields = object(
  {
    spec: open(
      object({
        nodeName: string('The node it runs on. Empty until one is chosen.'),
        hostname: string(),
        subdomain: string(),
        hostNetwork: boolean(),
        restartPolicy: string('Always, OnFailure or Never. Default: Always.'),
        terminationGracePeriodSeconds: int64('Seconds between asking the pod to end and ending it. Default: 30.'),
        nodeSelector: map(string(), 'Labels that the node must have.'),
        serviceAccountName: string(),
        containers: listMap(container, ['name']),
        initContainers: listMap(container, ['name']),
        volumes: listMap(open(object({ name: required(string()) })), ['name']),
        readinessGates: list(object({ conditionType: required(string()) })),
      }),
    ),
    status: open(
      object(
        {
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
        },
        'What its node last saw of the pod.',
      ),
    ),
  },
  'Containers, or a running virtual machine, with an address on the pod network.',
);
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
    'spec.restartPolicy': (pod) => pod.spec?.restartPolicy ?? '',
    'spec.serviceAccountName': (pod) => pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec?.hostNetwork ?? false),
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIP ?? '',
  },
  gracePeriod: gracePeriodOf,
});

/** One that runs nowhere, or no longer, has nothing to end. */
function gracePeriodOf({ spec, status }: Pod): number | undefined {
  const isOver = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  return spec?.nodeName && !isOver ? (spec.terminationGracePeriodSeconds ?? 30) : undefined;
}
