/** How a pod ranks. There are no PriorityClasses but the two that every cluster has. Pure. */
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';

/** https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/ */
const CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

/** The spec with its priority as a number, or why it has none. */
export function withPriority(spec: PodSpec): PodSpec | { readonly refused: string } {
  const { priorityClassName: name = '', priority: given } = spec;
  const priority = name === '' ? 0 : Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (priority === undefined) return { refused: `no PriorityClass with name ${name} was found` };
  if (given !== undefined && given !== priority) {
    const why = `the integer value of priority (${given}) must not be provided in pod spec`;
    return { refused: `${why}; priority admission controller computed ${priority} from the given PriorityClass name` };
  }
  return { ...spec, priority, preemptionPolicy: spec.preemptionPolicy ?? 'PreemptLowerPriority' };
}
