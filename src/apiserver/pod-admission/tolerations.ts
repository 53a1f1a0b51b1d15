/** A pod stays five minutes on a node that is not heard of any more, unless it says. Pure. */
import type { Toleration } from '../../api/core/v1/pod-placement.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions */
const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const SECONDS = 300;
const EFFECT = 'NoExecute';

/** The spec with the taints of lost nodes borne for a while, unless it says how long itself. */
export function withTolerations(spec: PodSpec): PodSpec {
  const { tolerations = [] } = spec;
  const missing = TAINTS.filter((key) => !tolerations.some((toleration) => bears(toleration, key)));
  if (missing.length === 0) return spec;
  const added = missing.map((key) => ({ key, operator: 'Exists', effect: EFFECT, tolerationSeconds: SECONDS }));
  return { ...spec, tolerations: [...tolerations, ...added] };
}

/** Whether a toleration says anything of the taint: then that holds, be it shorter or longer. */
function bears({ key = '', effect = '' }: Toleration, taint: string): boolean {
  return (key === '' || key === taint) && (effect === '' || effect === EFFECT);
}
