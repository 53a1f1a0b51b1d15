/** What a Service means where it says nothing. Follows pkg/apis/core/v1/defaults.go of Kubernetes. */
import type { Service, ServicePort } from './service.ts';

/** Seconds that a client stays with its endpoint under ClientIP affinity. */
const AFFINITY_TIMEOUT = 10_800;

type Spec = NonNullable<Service['spec']>;

export function defaultService(service: Service): Service {
  const { sessionAffinityConfig, ...given } = service.spec ?? {};
  const spec = { ...given, type: given.type ?? 'ClusterIP' };
  const affinity = affinityDefaults({ ...spec, ...(sessionAffinityConfig ? { sessionAffinityConfig } : {}) });
  const status = spec.type === 'LoadBalancer' ? ingressDefaults(service.status) : service.status;
  return {
    ...service,
    spec: { ...spec, ...portDefaults(spec), ...affinity, ...policyDefaults(spec) },
    ...(status === undefined ? {} : { status }),
  };
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

/** Without affinity its configuration means nothing, and goes. */
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

/** An address that does not say how packets come to it is the destination that they keep until they are at a node. */
function ingressDefaults(status: Service['status']): Service['status'] {
  const ingress = status?.loadBalancer?.ingress;
  if (ingress === undefined || ingress.every(({ ip, ipMode }) => ip === undefined || ipMode !== undefined))
    return status;
  const complete = ingress.map((point) => (point.ip && !point.ipMode ? { ...point, ipMode: 'VIP' } : point));
  return { ...status, loadBalancer: { ...status?.loadBalancer, ingress: complete } };
}
