/** Builders for tests: objects of which a test need only say what matters. */
import type { Node } from '../api/core/v1/node.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import { type Admission, compareAdmissions, type Opening } from './backend.ts';

type ServiceSpec = NonNullable<Service['spec']>;

export interface ServiceParts extends ServiceSpec {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Addresses in its status. */
  readonly ingress?: readonly { readonly ip: string; readonly ipMode?: string }[];
}

/** A Service of both families in the namespace `n`, with TCP port 80. */
export function service(name: string, { annotations, labels, ingress, ...spec }: ServiceParts = {}): Service {
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: {
      ...{ namespace: 'n', name },
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(labels === undefined ? {} : { labels: { ...labels } }),
    },
    spec: { type: 'ClusterIP', clusterIPs: ['10.96.0.9', 'fd00:10:96::9'], ports: [{ port: 80 }], ...spec },
    ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress: ingress.map((one) => ({ ...one })) } } }),
  };
}

export function node(name: string, ips: readonly string[], labels?: Readonly<Record<string, string>>): Node {
  return {
    ...{ apiVersion: 'v1', kind: 'Node' },
    metadata: { name, ...(labels === undefined ? {} : { labels: { ...labels } }) },
    status: {
      addresses: [{ type: 'Hostname', address: name }, ...ips.map((address) => ({ type: 'InternalIP', address }))],
    },
  };
}

/** The slice that says where the API is served. */
export function apiSlice(address: string, port = 6443): EndpointSlice {
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { namespace: 'default', name: 'kubernetes', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    endpoints: [{ addresses: [address] }],
    ports: [{ name: 'https', protocol: 'TCP', port }],
  };
}

/** Openings as a line each, sorted: short to compare, and to read when they differ. */
export function lines(openings: readonly (Admission | Opening)[]): readonly string[] {
  return [...openings].sort(compareAdmissions).map((one) => {
    const about = 'kind' in one ? ` ${one.kind} of ${one.owner}` : '';
    const policy = one.policy === 'managed' ? '' : ` ${one.policy}`;
    const from = one.sources === undefined ? '' : ` from ${one.sources.join(' ')}`;
    return `${one.protocol} ${one.address} ${one.port}${about}${from}${policy}`;
  });
}
