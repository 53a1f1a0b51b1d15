/**
 * What a pod asks for and is limited to as a whole, and the class that follows from it.
 * https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers and
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
 */
import { parseQuantity } from '../../../quantity.ts';
import type { Container, PodSpec, ResourceRequirements } from '../pod-spec.ts';

/** Amounts by resource name: `cpu` in thousandths of a core, all others whole (bytes, pieces). Both are rounded up. */
export type Amounts = Readonly<Record<string, number>>;

export type QOSClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** What the node must have for the pod: what the scheduler counts. */
export function podRequests(spec: PodSpec): Amounts {
  return podTotals(spec, (resources) => amountsOf(resources?.requests));
}

/** What the pod may use at most. A resource that some container may use without limit is in here with the others' limits. */
export function podLimits(spec: PodSpec): Amounts {
  return podTotals(spec, (resources) => amountsOf(resources?.limits));
}

/** A list of resources as numbers. What is not a quantity counts as nothing: validation has refused it. */
export function amountsOf(list: ResourceRequirements['requests']): Amounts {
  return Object.fromEntries(
    Object.entries(list ?? {}).map(([name, quantity]) => [name, resourceAmount(name, quantity)] as const),
  );
}

/** One quantity of a resource, as {@link Amounts} has it. */
export function resourceAmount(name: string, quantity: string | number): number {
  const amount = (parseQuantity(quantity) ?? 0) * (name === 'cpu' ? 1000 : 1);
  // 0.1 * 1000 is not quite 100 in binary, and is not to be rounded up to 101.
  const whole = Math.round(amount);
  return Math.abs(amount - whole) < 1e-6 ? whole : Math.ceil(amount);
}

/**
 * Containers and sidecars run together, but an init container only beside the sidecars that were started before it: so
 * the pod needs the greater of the two, whatever comes when.
 */
function podTotals(spec: PodSpec, of: (resources: ResourceRequirements | undefined) => Amounts): Amounts {
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = of(container.resources);
    if (isSidecar(container)) sidecars = plus(sidecars, own);
    starting = most(starting, isSidecar(container) ? sidecars : plus(sidecars, own));
  }
  const running = (spec.containers ?? []).reduce((sum, { resources }) => plus(sum, of(resources)), sidecars);
  return plus(most(running, starting), amountsOf(spec.overhead));
}

/** Whether an init container runs as long as the pod. */
export function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

/** The pod's quality of service: who is ended first where memory runs out. */
export function podQoS(spec: PodSpec): QOSClass {
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ resources }) => ({
    requests: computing(resources?.requests),
    limits: computing(resources?.limits),
  }));
  if (all.every(({ requests, limits }) => isEmpty(requests) && isEmpty(limits))) return 'BestEffort';
  const isGuaranteed = all.every(({ requests, limits }) =>
    COMPUTING.every((name) => limits[name] !== undefined && requests[name] === limits[name]),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

const COMPUTING = ['cpu', 'memory'];

/** CPU and memory, which alone decide on the class; none of something counts as not named. */
function computing(list: ResourceRequirements['requests']): Amounts {
  const entries = Object.entries(amountsOf(list));
  return Object.fromEntries(entries.filter(([name, amount]) => COMPUTING.includes(name) && amount > 0));
}

function isEmpty(amounts: Amounts): boolean {
  return Object.keys(amounts).length === 0;
}

function plus(a: Amounts, b: Amounts): Amounts {
  return combined(a, b, (x, y) => x + y);
}

function most(a: Amounts, b: Amounts): Amounts {
  return combined(a, b, Math.max);
}

function combined(a: Amounts, b: Amounts, join: (x: number, y: number) => number): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, join(a[name] ?? 0, b[name] ?? 0)] as const));
}
