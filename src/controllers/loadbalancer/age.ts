/** Who came first, where two cannot both have something. */
import type { KubeObject } from '../../api/meta/v1.ts';

/** Older objects first; those of one second by namespace and name, so that there is one answer. */
export function byAge({ metadata: a }: KubeObject, { metadata: b }: KubeObject): number {
  return (
    inOrder(a.creationTimestamp, b.creationTimestamp) || inOrder(a.namespace, b.namespace) || inOrder(a.name, b.name)
  );
}

function inOrder(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
