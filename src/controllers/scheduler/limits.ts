/** How much a pod may ask of a decision: each costs the time of all who wait. Pure. */
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';

/** Terms about other pods: for each, pods are counted. */
const POD_TERMS = 64;
/** Terms about nodes and tolerations: each is held against each node. */
const NODE_TERMS = 500;

/** What is too much about a pod, for people; undefined when nothing is. */
export function excessOf(spec: PodSpec): string | undefined {
  const { affinity: { nodeAffinity, podAffinity, podAntiAffinity } = {}, topologySpreadConstraints = [] } = spec;
  const terms = [podAffinity, podAntiAffinity].flatMap((each) => [
    ...(each?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(each?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
  ]);
  const aboutPods = terms.length + topologySpreadConstraints.length;
  if (aboutPods > POD_TERMS) {
    return `the pod has ${aboutPods} terms of affinity to pods and constraints of spread: at most ${POD_TERMS} are looked at`;
  }
  const aboutNodes = [
    ...(nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []),
    ...(nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ preference }) => preference),
  ].reduce((sum, { matchExpressions = [], matchFields = [] }) => sum + matchExpressions.length + matchFields.length, 0);
  const count = aboutNodes + (spec.tolerations?.length ?? 0);
  return count > NODE_TERMS
    ? `the pod has ${count} terms of node affinity and tolerations: at most ${NODE_TERMS} are looked at`
    : undefined;
}
