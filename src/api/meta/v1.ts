/** meta/v1: what every object has, and the selectors, conditions and lists that many share. */
import { boolean, int64, list, listMap, map, object, required, set, string, type TypeOf, time } from '../schema.ts';

export const ownerReference = object({
  apiVersion: required(string()),
  kind: required(string()),
  name: required(string()),
  uid: required(string()),
  controller: boolean('Whether this owner is the managing controller.'),
  blockOwnerDeletion: boolean(),
});
export type OwnerReference = TypeOf<typeof ownerReference>;

export const objectMeta = object({
  name: string('Unique within a namespace.'),
  generateName: string('A prefix that the server completes when there is no name.'),
  namespace: string(),
  uid: string(),
  resourceVersion: string(),
  generation: int64(),
  creationTimestamp: time(),
  deletionTimestamp: time(),
  deletionGracePeriodSeconds: int64(),
  labels: map(string()),
  annotations: map(string()),
  ownerReferences: listMap(ownerReference, ['uid']),
  finalizers: set(string()),
  managedFields: list(
    object({
      manager: string(),
      operation: string(),
      apiVersion: string(),
      time: time(),
      fieldsType: string(),
      fieldsV1: { node: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, required: false },
      subresource: string(),
    }),
  ),
  selfLink: string(),
});
export type ObjectMeta = TypeOf<typeof objectMeta>;

/** Any API object. A kind's own type narrows it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** Names an object of a known kind. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

/** `namespace/name`, or `name` for cluster-scoped kinds: the key of work queues and caches. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined || key.namespace === '' ? key.name : `${key.namespace}/${key.name}`;
}

/** The inverse of {@link keyText}. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The key of an object that has been stored, so has a name. */
export function keyOf(target: { readonly metadata: ObjectMeta }): ObjectKey {
  const { namespace, name = '' } = target.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}

export const condition = object({
  type: required(string()),
  status: required(string('True, False or Unknown.')),
  observedGeneration: int64(),
  lastProbeTime: time(),
  lastTransitionTime: time(),
  lastHeartbeatTime: time(),
  reason: string(),
  message: string(),
});
export type Condition = TypeOf<typeof condition>;
export const conditions = listMap(condition, ['type']);

const labelSelectorRequirement = object({
  key: required(string()),
  operator: required(string('In, NotIn, Exists or DoesNotExist.')),
  values: list(string()),
});
export const labelSelector = object({
  matchLabels: map(string()),
  matchExpressions: list(labelSelectorRequirement),
});
export type LabelSelector = TypeOf<typeof labelSelector>;

/** A list as the API returns it. */
export interface KubeList<T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly T[];
}
