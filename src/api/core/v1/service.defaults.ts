/** What a Service means where it says nothing. Follows pkg/apis/core/v1/defaults.go of Kubernetes. */
import type { Service, ServicePort } from './service.ts';

/** Seconds that a client stays with its endpoint under ClientIP affinity. */
const AFFINITY_TIMEOUT = 10_800;

type Spec = NonNullable<Service['spec']>;

export function defaultService(service: Service): Service {
  const spec = { ...service.spec, type: service.spec?.type ?? 'ClusterIP' };
  return { ...service, spec: { ...spec, ...portDefaults(spec), ...affinityDefaults(spec), ...policyDefaults(spec) } };
}

/** Whether clients outside the cluster can reach a Service: what external traffic policies are for. */
export function isExternallyAccessible({ type, externalIPs = [] }: Spec): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0);
}

function portDefaults({ ports }: Spec): Spec {
  return ports === undefined ? {} : { ports: ports.map(defaultPort) };
}

function defaultPort(port: ServicePort): ServicePort {
  const { targetPort } = port;
  const isUnset = targetPort === undefined || targetPort === '' || targetPort === 0;
  return { ...port, protocol: port.protocol ?? 'TCP', targetPort: isUnset ? port.port : targetPort };
}

function affinityDefaults(spec: Spec): Spec {
  const sessionAffinity = spec.sessionAffinity ?? 'None';
  if (sessionAffinity !== 'ClientIP') return { sessionAffinity };
  const timeoutSeconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_TIMEOUT;
  return { sessionAffinity, sessionAffinityConfig: { clientIP: { timeoutSeconds } } };
}

function policyDefaults(spec: Spec): Spec {
  return {
    ...(spec.type === 'ExternalName' ? {} : { internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster' }),
    ...(isExternallyAccessible(spec) ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? 'Cluster' } : {}),
    ...(spec.type === 'LoadBalancer'
      ? { allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true }
      : {}),
  };
}
