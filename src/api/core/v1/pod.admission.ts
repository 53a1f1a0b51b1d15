/** Defaults, preparation and validation of Pods. Follows Kubernetes' pod strategy. */
import { forbidden } from '../../field-errors.ts';
import type { Cause } from '../../status.ts';
import type { Pod } from './pod.ts';
import { defaultPodSpec, defaultsOfPod } from './pod-spec/defaults.ts';
import { podQoS } from './pod-spec/resource-totals.ts';
import { validatePodUpdate } from './pod-spec/update.ts';
import { validatePodSpec } from './pod-spec/validate.ts';

export function defaultPod(pod: Pod): Pod {
  return { ...pod, spec: defaultsOfPod(defaultPodSpec(pod.spec ?? {})) };
}

/** A new pod has no history; only its node tells one. */
export function preparePod(pod: Pod, old: Pod | undefined): Pod {
  if (old !== undefined) return pod;
  const { spec = {} } = pod;
  const conditions = (spec.schedulingGates ?? []).length > 0 ? { conditions: [GATED] } : {};
  return { ...pod, status: { phase: 'Pending', qosClass: podQoS(spec), ...conditions } };
}

/** What a pod says that waits for others before a node is chosen. */
const GATED = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

export function validatePod(pod: Pod, old: Pod | undefined): readonly Cause[] {
  return old === undefined ? validateNew(pod.spec ?? {}) : validatePodUpdate(pod, old);
}

function validateNew(spec: NonNullable<Pod['spec']>): readonly Cause[] {
  const { nodeName, schedulingGates = [] } = spec;
  const why = 'cannot be set until all schedulingGates have been cleared';
  return [
    ...validatePodSpec(spec, 'spec', { template: false }),
    ...(nodeName && schedulingGates.length > 0 ? [forbidden('spec.nodeName', why)] : []),
  ];
}
