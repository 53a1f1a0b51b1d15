/**
 * What an update of a Service keeps and drops without being told: allocated values stay where the new object is silent,
 * values that were allocated for the old type go when the new one has no use for them. What the client changed itself is
 * left for validation to judge. Follows pkg/registry/core/service of Kubernetes.
 */
import { sameValue } from '../../value.ts';
import { isExternallyAccessible } from './service.defaults.ts';
import type { Service, ServicePort } from './service.ts';

type Spec = NonNullable<Service['spec']>;

export function prepareService(service: Service, old: Service | undefined): Service {
  if (old === undefined)
    return { ...service, spec: normalizeClusterIPs(service.spec ?? {}, {}), status: { loadBalancer: {} } };
  const before = old.spec ?? {};
  const kept = keepAllocated(normalizeClusterIPs(service.spec ?? {}, before), before);
  const next = { ...service, spec: dropUnused(downgraded(kept, before), before) };
  return before.type === 'LoadBalancer' && next.spec.type !== 'LoadBalancer' ? withoutIngress(next) : next;
}

function needsClusterIP({ type }: Spec): boolean {
  return type !== 'ExternalName';
}

/** Whether the type has a use for node ports, be they allocated or asked for. */
export function mayHaveNodePorts({ type }: Spec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer';
}

/** Whether each port is given a node port that it does not ask for. */
export function allocatesNodePorts({ type, allocateLoadBalancerNodePorts }: Spec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

export function needsHealthCheckNodePort({ type, externalTrafficPolicy }: Spec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

/** clusterIP and clusterIPs say the same; an old client that knows only clusterIP sets, changes or clears both. */
function normalizeClusterIPs({ clusterIP = '', clusterIPs = [], ...rest }: Spec, before: Spec): Spec {
  const changed = clusterIP !== (before.clusterIP ?? '');
  const onlyFirstChanged = changed && sameValue(clusterIPs, before.clusterIPs ?? []);
  const all = onlyFirstChanged ? [clusterIP].filter((ip) => ip !== '') : clusterIPs;
  return { ...rest, ...(clusterIP === '' ? {} : { clusterIP }), ...(all.length === 0 ? {} : { clusterIPs: all }) };
}

function keepAllocated(spec: Spec, before: Spec): Spec {
  const keepsIPs = needsClusterIP(spec) && needsClusterIP(before);
  const { clusterIP = before.clusterIP, clusterIPs = before.clusterIPs } = spec;
  const keepsNodePorts = mayHaveNodePorts(spec) && mayHaveNodePorts(before) && spec.ports !== undefined;
  const keepsHealth = needsHealthCheckNodePort(spec) && needsHealthCheckNodePort(before) && !spec.healthCheckNodePort;
  const saysNothing = spec.ipFamilyPolicy === undefined && (spec.ipFamilies ?? []).length === 0;
  const { ipFamilies, ipFamilyPolicy } = before;
  const keepsFamilies = keepsIPs && saysNothing && sameValue(clusterIPs, before.clusterIPs);
  return {
    ...spec,
    ...(keepsFamilies && ipFamilies && ipFamilyPolicy ? { ipFamilies, ipFamilyPolicy } : {}),
    ...(keepsIPs && clusterIP !== undefined ? { clusterIP } : {}),
    ...(keepsIPs && clusterIPs !== undefined ? { clusterIPs } : {}),
    ...(keepsNodePorts && spec.ports ? { ports: keepNodePorts(spec.ports, before.ports ?? []) } : {}),
    ...(keepsHealth && before.healthCheckNodePort ? { healthCheckNodePort: before.healthCheckNodePort } : {}),
  };
}

/**
 * A Service that turns to one family gives its second address back, without the client having to take it out of the lists
 * that it read.
 */
function downgraded(spec: Spec, before: Spec): Spec {
  if ((spec.ipFamilyPolicy ?? before.ipFamilyPolicy) !== 'SingleStack') return spec;
  const { clusterIPs, ipFamilies } = spec;
  return {
    ...spec,
    ...(clusterIPs && sameValue(clusterIPs, before.clusterIPs) ? { clusterIPs: clusterIPs.slice(0, 1) } : {}),
    ...(ipFamilies && sameValue(ipFamilies, before.ipFamilies) ? { ipFamilies: ipFamilies.slice(0, 1) } : {}),
  };
}

/** A port is known again by its name; its number and protocol may change. */
function keepNodePorts(ports: readonly ServicePort[], before: readonly ServicePort[]): readonly ServicePort[] {
  const known = new Map(before.map(({ name = '', nodePort }) => [name, nodePort] as const));
  const used = new Set(ports.map(({ nodePort }) => nodePort));
  return ports.map((port) => {
    const nodePort = known.get(port.name ?? '');
    return port.nodePort || nodePort === undefined || used.has(nodePort) ? port : { ...port, nodePort };
  });
}

/** Drops what was allocated for the old type and is of no use to the new one, unless the client changed it. */
function dropUnused(spec: Spec, before: Spec): Spec {
  const drop = new Set<keyof Spec>();
  const dropIfSame = (...fields: (keyof Spec)[]) => {
    for (const field of fields) if (sameValue(spec[field], before[field])) drop.add(field);
  };
  if (needsClusterIP(before) && !needsClusterIP(spec)) {
    if (sameValue(spec.clusterIP, before.clusterIP)) dropIfSame('clusterIP', 'clusterIPs');
    dropIfSame('ipFamilies', 'ipFamilyPolicy');
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec)) dropIfSame('externalTrafficPolicy');
  if (needsHealthCheckNodePort(before) && !needsHealthCheckNodePort(spec)) dropIfSame('healthCheckNodePort');
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    dropIfSame('allocateLoadBalancerNodePorts', 'loadBalancerClass');
  }
  const left = Object.fromEntries(Object.entries(spec).filter(([field]) => !drop.has(field as keyof Spec))) as Spec;
  if (mayHaveNodePorts(spec) || !mayHaveNodePorts(before) || left.ports === undefined) return left;
  return { ...left, ports: dropNodePorts(left.ports, before.ports ?? []) };
}

/** All node ports go, or none: one that the client adds is its mistake, and told as such. */
function dropNodePorts(ports: readonly ServicePort[], before: readonly ServicePort[]): readonly ServicePort[] {
  const allocated = new Set(before.map(({ nodePort }) => nodePort));
  if (ports.some(({ nodePort }) => nodePort && !allocated.has(nodePort))) return ports;
  return ports.map(({ nodePort: _, ...port }) => port);
}

/** Whoever takes a load balancer's address back does so later; the user need not see it until then. */
function withoutIngress(service: Service): Service {
  return { ...service, status: { ...service.status, loadBalancer: {} } };
}
