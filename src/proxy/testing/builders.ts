/** Objects for tests: each shows only what matters to its case. */
import type { Service } from '../../api/core/v1/service.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL } from '../../api/discovery/v1/endpointslice.ts';
import { familyOf } from '../../lib/ip.ts';

export type ServiceSpec = NonNullable<Service['spec']>;

/** A Service in namespace `default` with one TCP port, 80. `loadBalancerIPs` go into its status. */
export function service(name: string, spec: ServiceSpec, loadBalancerIPs: readonly string[] = []): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    status: { loadBalancer: { ingress: loadBalancerIPs.map((ip) => ({ ip })) } },
  };
}

/** An endpoint for {@link slice}: an address, or more about it. */
export type EndpointSpec = string | EndpointSlice['endpoints'][number];

/** A slice of a Service, of the family of its first address, with one unnamed TCP port. */
export function slice(of: string, endpoints: readonly EndpointSpec[], port: SlicePort = {}): EndpointSlice {
  const full = endpoints.map((endpoint) => (typeof endpoint === 'string' ? { addresses: [endpoint] } : endpoint));
  const addressType = port.addressType ?? familyOf(full[0]?.addresses[0] ?? '') ?? 'IPv4';
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${of}-${addressType.toLowerCase()}`,
      namespace: 'default',
      labels: { [SERVICE_NAME_LABEL]: of },
    },
    addressType,
    endpoints: full,
    ports: [{ name: port.name ?? '', protocol: port.protocol ?? 'TCP', port: port.port ?? 8080 }],
  };
}

interface SlicePort {
  readonly name?: string;
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  readonly port?: number;
  readonly addressType?: 'IPv4' | 'IPv6';
}
