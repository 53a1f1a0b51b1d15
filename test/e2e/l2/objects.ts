/** The objects of these stories: Services of type LoadBalancer with an endpoint on every node's own network, and who announces them. */
import type { Service } from '../../../src/api/core/v1/service.ts';
import type { EndpointSlice } from '../../../src/api/discovery/v1/endpointslice.ts';
import type { KubeObject } from '../../../src/api/meta/v1.ts';
import type { IPFamily } from '../../../src/lib/ip.ts';

/** Where the nodes' endpoints listen, over TCP and UDP. */
export const ENDPOINT_PORT = 8080;
/** Where Services do. */
export const PORT = 80;
export const NAMESPACE = 'l2';
export const METALLB = 'metallb-system';

/** A node as an endpoint. */
export interface NodeEndpoint {
  readonly name: string;
  readonly addresses: Readonly<Record<IPFamily, string>>;
}

export function pool(name: string, addresses: readonly string[], spec: object = {}): KubeObject {
  return {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name, namespace: METALLB },
    ...{ spec: { addresses, ...spec } },
  };
}

export function advertisement(name: string, spec: object = {}): KubeObject {
  return {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'L2Advertisement',
    metadata: { name, namespace: METALLB },
    ...{ spec },
  };
}

/** For an advertisement: the first of these nodes that can announces, and any other only when none of them can. */
export const preferring = (...nodes: readonly string[]): object => ({
  preferredNodeSelectors: nodes.map((node, i) => ({
    weight: 100 - 10 * i,
    preference: { matchLabels: { 'kubernetes.io/hostname': node } },
  })),
});

/** Asks for these addresses and no others. */
export const asking = (addresses: readonly string[]): ServiceFields => ({
  annotations: { 'metallb.io/loadBalancerIPs': addresses.join(',') },
});

export interface ServiceFields {
  readonly families?: readonly IPFamily[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: `Local`, so that who answers is who announces. */
  readonly policy?: 'Local' | 'Cluster';
  readonly spec?: Partial<NonNullable<Service['spec']>>;
}

export function service(name: string, fields: ServiceFields = {}): Service {
  const { families = ['IPv4', 'IPv6'], annotations = {}, labels = {}, policy = 'Local', spec = {} } = fields;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE, annotations, labels },
    spec: {
      type: 'LoadBalancer',
      ipFamilies: [...families],
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      externalTrafficPolicy: policy,
      ports: (['TCP', 'UDP'] as const).map((protocol) => ({
        name: protocol.toLowerCase(),
        protocol,
        port: PORT,
        targetPort: ENDPOINT_PORT,
      })),
      ...spec,
    },
  };
}

/** A slice for each family, with these nodes as endpoints. */
export function slices(name: string, nodes: readonly NodeEndpoint[], families: readonly IPFamily[]): EndpointSlice[] {
  return families.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${family.toLowerCase()}`,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: family,
    ports: (['TCP', 'UDP'] as const).map((protocol) => ({
      name: protocol.toLowerCase(),
      protocol,
      port: ENDPOINT_PORT,
    })),
    endpoints: nodes.map((node) => ({
      addresses: [node.addresses[family]],
      nodeName: node.name,
      conditions: { ready: true },
    })),
  }));
}
