/** What a pod says of the nodes that it may run on. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ */
import { labelSelector } from '../../meta/v1.ts';
import { int32, int64, list, object, required, string, type TypeOf } from '../../schema.ts';

const requirement = object({
  key: required(string()),
  operator: required(string('In, NotIn, Exists, DoesNotExist, Gt or Lt.')),
  values: list(string()),
});
const nodeSelectorTerm = object({ matchExpressions: list(requirement), matchFields: list(requirement) });

const nodeAffinity = object({
  requiredDuringSchedulingIgnoredDuringExecution: object({ nodeSelectorTerms: required(list(nodeSelectorTerm)) }),
  preferredDuringSchedulingIgnoredDuringExecution: list(
    object({ weight: required(int32()), preference: required(nodeSelectorTerm) }),
  ),
});

const podAffinityTerm = object({
  labelSelector,
  namespaceSelector: labelSelector,
  namespaces: list(string()),
  topologyKey: required(string()),
  matchLabelKeys: list(string()),
  mismatchLabelKeys: list(string()),
});
const podAffinity = object({
  requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm),
  preferredDuringSchedulingIgnoredDuringExecution: list(
    object({ weight: required(int32()), podAffinityTerm: required(podAffinityTerm) }),
  ),
});

/** The schema of a pod's affinity. */
export const affinity = object({ nodeAffinity, podAffinity, podAntiAffinity: podAffinity });

/** The schema of a toleration. */
export const toleration = object({
  key: string(),
  operator: string('Equal or Exists. Default: Equal.'),
  value: string(),
  effect: string('NoSchedule, PreferNoSchedule or NoExecute. Default: all.'),
  tolerationSeconds: int64('Seconds that a NoExecute taint is borne. Default: for ever.'),
});

/** The schema of a constraint on how pods are spread. */
export const topologySpreadConstraint = object({
  maxSkew: required(int32()),
  topologyKey: required(string()),
  whenUnsatisfiable: required(string('DoNotSchedule or ScheduleAnyway.')),
  labelSelector,
  minDomains: int32(),
  matchLabelKeys: list(string()),
  nodeAffinityPolicy: string(),
  nodeTaintsPolicy: string(),
});

export type Affinity = TypeOf<typeof affinity>;
export type NodeSelectorTerm = TypeOf<typeof nodeSelectorTerm>;
export type PodAffinityTerm = TypeOf<typeof podAffinityTerm>;
export type Toleration = TypeOf<typeof toleration>;
export type TopologySpreadConstraint = TypeOf<typeof topologySpreadConstraint>;
