/**
 * The rules of the fake server, pure. Selectors and patches are applied with the very functions of the real one.
 */
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { applyJsonPatch } from '../api/patch/json.ts';
import { applyMergePatch } from '../api/patch/merge.ts';
import { applyStrategicPatch } from '../api/patch/strategic.ts';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from '../api/selectors.ts';
import type { DeleteOptions, ListOptions, Patch } from './client.ts';

export function selects<T extends KubeObject>(kind: Kind<T>, options: ListOptions, object: T): boolean {
  const { namespace, labels } = object.metadata;
  if (options.namespace !== undefined && options.namespace !== namespace) return false;
  return (
    matchesLabels(parseLabelSelector(options.labelSelector ?? ''), labels) &&
    matchesFields(kind, parseFieldSelector(kind, options.fieldSelector ?? ''), object)
  );
}

export function applyPatch<T extends KubeObject>(kind: Kind<T>, object: T, patch: Patch): T {
  switch (patch.type) {
    case 'json':
      return applyJsonPatch(object, patch.operations) as T;
    case 'merge':
      return applyMergePatch(object, patch.body) as T;
    case 'strategic':
      return applyStrategicPatch(kind.schema.node, object, patch.body) as T;
  }
}

export function statusOf(object: KubeObject): unknown {
  return (object as { status?: unknown }).status;
}

export function withoutStatus<T extends KubeObject>(kind: Kind<T>, object: T): T {
  if (!kind.status) return object;
  const { status: _, ...rest } = object as T & { status?: unknown };
  return rest as T;
}

/** What a client cannot change by writing. */
export function carriedOver(object: KubeObject, current: KubeObject): KubeObject['metadata'] {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, resourceVersion } =
    current.metadata;
  const server = { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, resourceVersion };
  const set = Object.fromEntries(Object.entries(server).filter(([, value]) => value !== undefined));
  return { ...object.metadata, ...set };
}

export function sameSpec(a: KubeObject, b: KubeObject): boolean {
  const { metadata: _a, status: _as, ...restA } = a as KubeObject & { status?: unknown };
  const { metadata: _b, status: _bs, ...restB } = b as KubeObject & { status?: unknown };
  return canonical(restA) === canonical(restB);
}

/** JSON with sorted keys: equal for equal values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion */
export function finalizersAfterDelete(
  finalizers: readonly string[],
  policy: DeleteOptions['propagationPolicy'],
): string[] {
  const others = finalizers.filter((name) => name !== 'foregroundDeletion' && name !== 'orphan');
  if (policy === 'Foreground') return [...others, 'foregroundDeletion'];
  if (policy === 'Orphan') return [...others, 'orphan'];
  return policy === undefined ? [...finalizers] : others;
}
