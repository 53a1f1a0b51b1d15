/**
 * What an update of a Service keeps and drops without being told: allocated values stay where the new object is silent,
 * fields that the new type has no use for go. Follows pkg/registry/core/service of Kubernetes.
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
  return { ...service, spec: dropUnused(downgraded(kept, before), before) };
}

export function needsClusterIP({ type }: Spec): boolean {
  return type !== 'ExternalName';
}

export function needsNodePort({ type, allocateLoadBalancerNodePorts }: Spec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

export function needsHealthCheckNodePort({ type, externalTrafficPolicy }: Spec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

/** clusterIP and clusterIPs say the same; an old client that knows only clusterIP changes both. */
function normalizeClusterIPs(spec: Spec, before: Spec): Spec {
  const { clusterIP, clusterIPs, ...rest } = spec;
  const isSilent = clusterIP === undefined || clusterIP === '';
  const onlyFirstChanged = sameValue(clusterIPs, before.clusterIPs) && (clusterIP ?? '') !== (before.clusterIP ?? '');
  if (onlyFirstChanged || clusterIPs === undefined || clusterIPs.length === 0) {
    return isSilent ? rest : { ...rest, clusterIP, clusterIPs: [clusterIP] };
  }
  return spec;
}

function keepAllocated(spec: Spec, before: Spec): Spec {
  const keepsIP = needsClusterIP(spec) && needsClusterIP(before) && spec.clusterIP === undefined;
  const keepsNodePorts = needsNodePort(spec) && needsNodePort(before) && spec.ports !== undefined;
  const keepsHealth = needsHealthCheckNodePort(spec) && needsHealthCheckNodePort(before) && !spec.healthCheckNodePort;
  return {
    ...spec,
    ...(keepsIP && before.clusterIP !== undefined ? { clusterIP: before.clusterIP } : {}),
    ...(keepsIP && before.clusterIPs !== undefined ? { clusterIPs: before.clusterIPs } : {}),
    ...(keepsNodePorts && spec.ports ? { ports: keepNodePorts(spec.ports, before.ports ?? []) } : {}),
    ...(keepsHealth && before.healthCheckNodePort ? { healthCheckNodePort: before.healthCheckNodePort } : {}),
  };
}

/**
 * A Service that turns to one family gives its second address back, without the client having to take it out of the lists
 * that it read.
 */
function downgraded(spec: Spec, before: Spec): Spec {
  const turned = spec.ipFamilyPolicy === 'SingleStack' && before.ipFamilyPolicy !== 'SingleStack';
  const untouched =
    sameValue(spec.clusterIPs, before.clusterIPs) && sameValue(spec.ipFamilies ?? before.ipFamilies, before.ipFamilies);
  if (!turned || !untouched) return spec;
  return {
    ...spec,
    ...(spec.clusterIPs === undefined ? {} : { clusterIPs: spec.clusterIPs.slice(0, 1) }),
    ...(spec.ipFamilies === undefined ? {} : { ipFamilies: spec.ipFamilies.slice(0, 1) }),
  };
}

function keepNodePorts(ports: readonly ServicePort[], before: readonly ServicePort[]): readonly ServicePort[] {
  const keyOf = ({ protocol, port }: ServicePort) => `${protocol ?? 'TCP'}/${port}`;
  const known = new Map(before.map((port) => [keyOf(port), port.nodePort] as const));
  const used = new Set(ports.map(({ nodePort }) => nodePort));
  return ports.map((port) => {
    const nodePort = known.get(keyOf(port));
    return port.nodePort || nodePort === undefined || used.has(nodePort) ? port : { ...port, nodePort };
  });
}

/** Drops what the old type needed and the new one does not, unless the client changed it: that is for validation to judge. */
function dropUnused(spec: Spec, before: Spec): Spec {
  const drop = new Set<keyof Spec>();
  const dropIfSame = (...fields: (keyof Spec)[]) => {
    for (const field of fields) if (sameValue(spec[field], before[field])) drop.add(field);
  };
  if (needsClusterIP(before) && !needsClusterIP(spec))
    dropIfSame('clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy');
  if (!needsClusterIP(spec)) dropIfSame('internalTrafficPolicy');
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec)) dropIfSame('externalTrafficPolicy');
  if (needsHealthCheckNodePort(before) && !needsHealthCheckNodePort(spec)) dropIfSame('healthCheckNodePort');
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    dropIfSame('allocateLoadBalancerNodePorts', 'loadBalancerClass', 'loadBalancerSourceRanges', 'loadBalancerIP');
  }
  if (before.type === 'ExternalName' && spec.type !== 'ExternalName') dropIfSame('externalName');
  if (before.sessionAffinity === 'ClientIP' && spec.sessionAffinity === 'None') dropIfSame('sessionAffinityConfig');
  const left = Object.fromEntries(Object.entries(spec).filter(([field]) => !drop.has(field as keyof Spec))) as Spec;
  if (needsNodePort(spec) || !needsNodePort(before) || left.ports === undefined) return left;
  return { ...left, ports: dropNodePorts(left.ports, before.ports ?? []) };
}

function dropNodePorts(ports: readonly ServicePort[], before: readonly ServicePort[]): readonly ServicePort[] {
  const allocated = new Set(before.map(({ nodePort }) => nodePort));
  return ports.map((port) => {
    const { nodePort, ...rest } = port;
    return allocated.has(nodePort) ? rest : port;
  });
}
