/** Taints and who bears them. Pure. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import type { Taint } from './node-view.ts';

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
