/** Whether a node takes a pod that was given to it, whoever chose the node. Pure. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { collide, hostPortsOf } from '../../api/core/v1/pod-spec/host-ports.ts';
import { amountsOf, podRequests } from '../../api/core/v1/pod-spec/resource-totals.ts';
import { nodeRefusal } from '../config/refusals.ts';
import type { Outcome } from './outcome.ts';

export interface AdmissionFacts {
  /** Pods that the node has taken, and that are not over. */
  readonly others: readonly Pod[];
  /** What the node has for pods, as its status says: quantities by resource. */
  readonly allocatable: Readonly<Record<string, string | number>>;
}

/** Why the node does not take the pod; undefined when it does. Reasons and messages are the kubelet's. */
export function refusalOf(pod: Pod, { others, allocatable }: AdmissionFacts): Outcome | undefined {
  const never = nodeRefusal(pod);
  if (never !== undefined) return { phase: 'Failed', ...never };
  const { spec = {} } = pod;
  const taken = others.flatMap((other) => hostPortsOf(other.spec ?? {}));
  if (hostPortsOf(spec).some((port) => taken.some((other) => collide(port, other)))) {
    return refused('NodePorts', "Node didn't have free ports for the requested pod ports");
  }
  const capacity = amountsOf(allocatable);
  const wanted = { ...podRequests(spec), pods: 1 };
  for (const [resource, requested] of Object.entries(wanted)) {
    if (requested === 0) continue;
    const used = others.reduce((sum, other) => sum + amountOf(other, resource), 0);
    const all = capacity[resource] ?? 0;
    if (requested + used <= all) continue;
    const amounts = `requested: ${requested}, used: ${used}, capacity: ${all}`;
    return refused(`OutOf${resource}`, `Node didn't have enough resource: ${resource}, ${amounts}`);
  }
  return undefined;
}

function refused(reason: string, message: string): Outcome {
  return { phase: 'Failed', reason, message: `Pod was rejected: ${message}` };
}

function amountOf({ spec }: Pod, resource: string): number {
  return resource === 'pods' ? 1 : (podRequests(spec ?? {})[resource] ?? 0);
}
