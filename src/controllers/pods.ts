/** What controllers of pods ask of a pod, and how they make one of a template. Pure. */
import { isPodFinal } from '../api/core/v1/pod.status.ts';
import { Pod } from '../api/core/v1/pod.ts';
import type { PodTemplateSpec } from '../api/core/v1/pod-spec.ts';
import { findCondition } from '../api/meta/conditions.ts';
import type { KubeObject, OwnerReference } from '../api/meta/v1.ts';
import { seconds } from '../lib/duration.ts';

/** Whether a pod counts: it has neither ended nor been asked to. */
export function isActive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isPodFinal(pod);
}

/** Since when a pod has been ready, in wall-clock milliseconds; undefined while it is not. */
export function readySince({ metadata, status }: Pod): number | undefined {
  const ready = findCondition(status?.conditions, 'Ready');
  if (ready?.status !== 'True') return undefined;
  const since = Date.parse(ready.lastTransitionTime ?? metadata.creationTimestamp ?? '');
  return Number.isNaN(since) ? 0 : since;
}

/** Milliseconds until a pod is available, if it stays ready; 0 when it is, undefined while it is not ready. */
export function untilAvailable(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const since = readySince(pod);
  if (since === undefined) return undefined;
  return minReadySeconds === 0 ? 0 : Math.max(0, since + seconds(minReadySeconds) - now);
}

/** The pod that a template stands for. */
export function podOf(
  { metadata = {}, spec = {} }: PodTemplateSpec,
  { metadata: of }: KubeObject,
  owner: OwnerReference,
  name: string,
): Pod {
  return {
    apiVersion: Pod.apiVersion,
    kind: Pod.kind,
    metadata: {
      name,
      generateName: `${of.name}-`,
      ...(of.namespace === undefined ? {} : { namespace: of.namespace }),
      labels: metadata.labels ?? {},
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ...(metadata.finalizers === undefined ? {} : { finalizers: metadata.finalizers }),
      ownerReferences: [owner],
    },
    spec,
  };
}
