/** Selectors and patches as the fake server applies them: with the very functions of the real one. */
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { applyJsonPatch } from '../api/patch/json.ts';
import { applyMergePatch } from '../api/patch/merge.ts';
import { applyStrategicPatch } from '../api/patch/strategic.ts';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from '../api/selectors.ts';
import type { ListOptions, Patch } from './client.ts';

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
