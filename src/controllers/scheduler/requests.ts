/**
 * What a pod asks of a node: thousandths of processors, else whole units, so that sums are exact. Pure.
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
 */
import type { Container, PodSpec } from '../../api/core/v1/pod-spec.ts';
import { parseQuantity } from '../../api/quantity.ts';

export type Requests = ReadonlyMap<string, number>;
type Quantities = Readonly<Record<string, string | number>>;

/** A list of resources as numbers; what is no quantity counts nothing. */
export function amounts(quantities: Quantities = {}): Requests {
  return new Map(Object.entries(quantities).map(([name, quantity]) => [name, amount(name, quantity)]));
}

function amount(name: string, quantity: string | number): number {
  const value = parseQuantity(quantity) ?? 0;
  // Quantities are decimal: what binary fractions add to them must not be rounded up.
  return Math.ceil((name === 'cpu' ? value * 1000 : value) - 1e-6);
}

/** The most that the pod takes at any time: containers and sidecars together, or an init container and the sidecars before it. */
export function requestsOf(spec: PodSpec): Requests {
  let sidecars: Requests = new Map();
  let starting: Requests = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = containerRequests(container);
    if (container.restartPolicy === 'Always') sidecars = combined(sidecars, own, (a, b) => a + b);
    else
      starting = combined(
        starting,
        combined(sidecars, own, (a, b) => a + b),
        Math.max,
      );
  }
  const running = (spec.containers ?? []).reduce(
    (sum, container) => combined(sum, containerRequests(container), (a, b) => a + b),
    sidecars,
  );
  return combined(combined(running, starting, Math.max), amounts(spec.overhead), (a, b) => a + b);
}

/** A limit without a request is a request, too. */
function containerRequests({ resources }: Container): Requests {
  return amounts({ ...resources?.limits, ...resources?.requests });
}

function combined(a: Requests, b: Requests, join: (a: number, b: number) => number): Requests {
  if (b.size === 0) return a;
  const result = new Map(a);
  for (const [name, value] of b) result.set(name, join(a.get(name) ?? 0, value));
  return result;
}
