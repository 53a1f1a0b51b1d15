/** What a load balancer that asks for a Service is to be told. */
import type { Service } from '../../api/core/v1/service.ts';
import type { IPFamily } from '../../lib/ip.ts';
import type { UsableEndpoints } from '../forwarding/endpoints.ts';
import { endpointKey, type HealthCheck } from '../forwarding/forwarding.ts';

/**
 * With `externalTrafficPolicy: Local`, how many endpoints are ready on this node; undefined where nobody is to ask. Those that
 * end do not count, though they may still take connections: a load balancer is to send new ones elsewhere
 * (https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/1669-proxy-terminating-endpoints).
 */
export function desiredHealthCheck(
  { spec = {} }: Service,
  ports: readonly (UsableEndpoints & { readonly family: IPFamily })[],
): HealthCheck | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort: port } = spec;
  if (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local' || !port) return undefined;
  // A guest with several ports is one endpoint.
  const guests = new Map<IPFamily, Set<string>>();
  for (const { family, local, draining } of ports) {
    const ending = new Set(draining.map(endpointKey));
    const ready = local.filter((endpoint) => !ending.has(endpointKey(endpoint)));
    guests.set(family, new Set([...(guests.get(family) ?? []), ...ready.map(({ ip }) => ip)]));
  }
  return { port, localEndpoints: Object.fromEntries([...guests].map(([family, ips]) => [family, ips.size])) };
}
