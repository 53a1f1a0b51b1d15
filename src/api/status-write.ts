/** What a write of an object's status changes besides the status. */
import type { AnyKind } from './kinds.ts';
import type { ObjectMeta } from './meta/v1.ts';

/**
 * The metadata of an object after a write of its status. Kubernetes' own kinds take labels and annotations along
 * (pkg/registry/core/service/strategy.go and its like), where custom resources do not
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#status-subresource).
 */
export function metadataWithStatus(kind: AnyKind, given: ObjectMeta, old: ObjectMeta): ObjectMeta {
  if (isCustom(kind)) return old;
  const { labels: _, annotations: __, ...metadata } = old;
  const { labels, annotations } = given;
  return { ...metadata, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
}

/** Whether Kubernetes has the kind as a custom resource: its own groups have no dot, or end in k8s.io. */
function isCustom({ group }: AnyKind): boolean {
  return group.includes('.') && !group.endsWith('.k8s.io');
}
