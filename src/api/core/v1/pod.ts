/**
 * core/v1 Pod. A running virtual machine has one too: it carries the labels, node and addresses, so that everything
 * that selects pods selects virtual machines.
 */
import { defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import { Eviction } from '../../policy/v1/eviction.ts';
import {
  boolean,
  int32,
  int64,
  list,
  listMap,
  object,
  open,
  required,
  string,
  type TypeOf,
  time,
} from '../../schema.ts';
import { Binding } from './binding.ts';
import { defaultPod, preparePod, validatePod } from './pod.admission.ts';
import { podColumns } from './pod.columns.ts';
import { podSpec } from './pod-spec.ts';
import { POD_STREAMS } from './pod-streams.ts';

const stateTerminated = open(
  object({
    exitCode: required(int32()),
    signal: int32(),
    reason: string('Completed, Error, OOMKilled, ContainerCannotRun, ...'),
    message: string(),
    startedAt: time(),
    finishedAt: time(),
    containerID: string(),
  }),
);
/** One of the three; none stands for waiting. */
const containerState = object({
  waiting: object({ reason: string(), message: string() }),
  running: object({ startedAt: time() }),
  terminated: stateTerminated,
});
const containerStatus = open(
  object({
    name: required(string()),
    state: containerState,
    lastState: containerState,
    ready: boolean(),
    restartCount: int32(),
    image: string(),
    imageID: string(),
    containerID: string('containerd://ID'),
    started: boolean('Whether the startup probe has passed, or there is none and it runs.'),
  }),
);

const fields = object(
  {
    spec: podSpec,
    status: open(
      object(
        {
          observedGeneration: int64('metadata.generation of the pod that the status is of.'),
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
          containerStatuses: list(containerStatus),
          initContainerStatuses: list(containerStatus),
          ephemeralContainerStatuses: list(containerStatus),
          qosClass: string('Guaranteed, Burstable or BestEffort.'),
        },
        'What its node last saw of the pod.',
      ),
    ),
  },
  'Containers, or a running virtual machine, with an address on the pod network.',
);
export type Pod = Resource<TypeOf<typeof fields>>;
export type PodStatus = NonNullable<Pod['status']>;
export type ContainerState = TypeOf<typeof containerState>;
export type ContainerStatus = TypeOf<typeof containerStatus>;

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
  calls: {
    binding: { kind: Binding, verbs: ['create'] },
    eviction: { kind: Eviction, verbs: ['create'] },
  },
  streams: POD_STREAMS,
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
