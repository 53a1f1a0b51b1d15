/** What containers are told of their resources: limits and requests, in units of a divisor. */

import type { Pod } from '../../api/core/v1/pod.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { inUnits, type Quantities } from './quantities.ts';

/** A reference to what a container asks for or may use. */
export interface ResourceFieldRef {
  /** Default: the container that asks. */
  readonly containerName?: string;
  /** `limits.cpu`, `requests.memory`... */
  readonly resource: string;
  readonly divisor?: string | number;
}

/** What such a reference is resolved with. */
export interface ResourceContext {
  readonly pod: Pod;
  /** Name of the container that asks; undefined for a volume. */
  readonly container: string | undefined;
  /** What the node has for pods: the limit of a container without one. */
  readonly allocatable: Quantities;
}

/** Without a limit of its own, a container is limited by the node. */
const BOUNDED_BY_NODE = ['cpu', 'memory', 'ephemeral-storage'];

/** The amount as a decimal number, rounded up; undefined when there is no such container or resource. */
export function resourceValue(ref: ResourceFieldRef, context: ResourceContext): string | undefined {
  const { pod, allocatable } = context;
  const name = ref.containerName || context.container;
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const container = [...containers, ...initContainers].find((one) => one.name === name);
  const [, bound, resource] =
    /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(ref.resource) ?? [];
  if (container === undefined || resource === undefined) return undefined;
  const { limits = {}, requests = {} } = container.resources ?? {};
  const limit = limits[resource] ?? (BOUNDED_BY_NODE.includes(resource) ? allocatable[resource] : undefined);
  const amount = bound === 'limits' ? limit : (requests[resource] ?? limits[resource]);
  // A divisor of 0 stands for the default, as it does in Kubernetes.
  return String(inUnits(amount, parseQuantity(ref.divisor ?? 1) || 1));
}
