/** Whether a node has the resources and host ports that a pod asks for. Pure. */
import { collide } from '../../../api/core/v1/pod-spec/host-ports.ts';
import type { NodeView } from '../node-view.ts';
import { refusal } from '../refusal.ts';
import type { Filter } from './filter.ts';

/** Where a node does not say how much it has of these, they are not limited there. Others it then has none of. */
const USUAL: ReadonlySet<string> = new Set(['cpu', 'memory', 'pods', 'ephemeral-storage']);

/** Nodes that have what the pod asks for. */
export const roomFilter: Filter =
  ({ requests }) =>
  (node) => {
    const short = [...requests].filter(([name, amount]) => amount > 0 && amount > left(node, name));
    const reasons = [
      ...(left(node, 'pods') < 1 ? ['Too many pods'] : []),
      ...short.map(([name]) => `Insufficient ${name}`),
    ];
    return reasons.length > 0 ? refusal('room', ...reasons) : undefined;
  };

/** Nodes on which no other pod has the pod's host ports. */
export const hostPortFilter: Filter = ({ hostPorts }) => {
  if (hostPorts.length === 0) return undefined;
  return ({ usage }) =>
    usage.hostPorts.some((taken) => hostPorts.some((wanted) => collide(wanted, taken)))
      ? refusal('room', "node(s) didn't have free ports for the requested pod ports")
      : undefined;
};

function left({ allocatable, usage }: NodeView, resource: string): number {
  const has = allocatable.get(resource) ?? (USUAL.has(resource) ? Number.POSITIVE_INFINITY : 0);
  return has - (resource === 'pods' ? usage.pods : (usage.requested.get(resource) ?? 0));
}
