/** For tests: small objects that show only what matters. */
import type { Node } from '../api/core/v1/node.ts';
import type { Service } from '../api/core/v1/service.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL } from '../api/discovery/v1/endpointslice.ts';
import type { IPAddressPool } from '../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../api/metallb/v1beta1/l2advertisement.ts';
import { familyOf } from '../lib/ip.ts';

export function node(
  name: string,
  fields: {
    internalIPs?: readonly string[];
    labels?: Record<string, string>;
    ready?: 'True' | 'False' | 'Unknown';
  } = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: fields.labels ?? {} },
    status: {
      addresses: (fields.internalIPs ?? []).map((address) => ({ type: 'InternalIP', address })),
      conditions: [{ type: 'Ready', status: fields.ready ?? 'True' }],
    },
  };
}

export function service(
  name: string,
  addresses: readonly string[],
  spec: Partial<NonNullable<Service['spec']>> = {},
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'ns' },
    spec: { type: 'LoadBalancer', ...spec },
    status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } },
  };
}

/** A slice with one endpoint per node, named after the Service and the family. */
export function slice(
  serviceName: string,
  address: string,
  nodes: readonly string[],
  conditions: EndpointSlice['endpoints'][number]['conditions'] = { ready: true },
): EndpointSlice {
  const addressType = familyOf(address) ?? 'IPv4';
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${serviceName}-${addressType.toLowerCase()}`,
      namespace: 'ns',
      labels: { [SERVICE_NAME_LABEL]: serviceName },
    },
    addressType,
    endpoints: nodes.map((nodeName) => ({ addresses: [address], conditions: conditions ?? {}, nodeName })),
  };
}

export function pool(name: string, addresses: readonly string[], labels: Record<string, string> = {}): IPAddressPool {
  return {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name, namespace: 'metallb-system', labels },
    spec: { addresses },
  };
}

export function advertisement(name: string, spec: NonNullable<L2Advertisement['spec']> = {}): L2Advertisement {
  return {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'L2Advertisement',
    metadata: { name, namespace: 'metallb-system' },
    spec,
  };
}
