/** Taints and who bears them. Pure. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
import type { Node } from '../api/core/v1/node.ts';
import type { PodSpec } from '../api/core/v1/pod-spec.ts';

/** What keeps pods away from a node, or makes them leave it. */
export type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];

/** Whether a pod bears the taint, for however long. */
export function tolerates({ tolerations = [] }: PodSpec, taint: Taint): boolean {
  return tolerations.some(({ key = '', operator = 'Equal', value = '', effect = '' }) => {
    if (effect !== '' && effect !== taint.effect) return false;
    if (operator === 'Exists') return key === '' || key === taint.key;
    return key === taint.key && value === (taint.value ?? '');
  });
}

/** `{KEY: VALUE}`, as Kubernetes' scheduler writes it. */
export function printTaint({ key, value = '' }: Taint): string {
  return `{${key}: ${value}}`;
}
