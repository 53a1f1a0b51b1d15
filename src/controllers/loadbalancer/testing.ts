/** For tests: pools and Services that show only what matters. */
import type { Service } from '../../api/core/v1/service.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';

export function pool(
  name: string,
  addresses: readonly string[],
  { created, ...spec }: Partial<IPAddressPool['spec']> & { readonly created?: string } = {},
): IPAddressPool {
  const metadata = {
    name,
    namespace: 'metallb-system',
    ...(created === undefined ? {} : { creationTimestamp: created }),
  };
  return { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool', metadata, spec: { addresses, ...spec } };
}

export interface Wish {
  readonly namespace?: string;
  readonly spec?: Partial<NonNullable<Service['spec']>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Addresses in its status. */
  readonly has?: readonly string[];
  readonly created?: string;
}

/** A Service of type LoadBalancer for IPv4, with TCP port 80. */
export function service(name: string, wish: Wish = {}): Service {
  const { namespace = 'ns', spec = {}, annotations, labels, has, created } = wish;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace,
      ...(annotations === undefined ? {} : { annotations }),
      ...(labels === undefined ? {} : { labels }),
      ...(created === undefined ? {} : { creationTimestamp: created }),
    },
    spec: { type: 'LoadBalancer', ipFamilies: ['IPv4'], ports: [{ port: 80 }], ...spec },
    ...(has === undefined ? {} : { status: { loadBalancer: { ingress: has.map((ip) => ({ ip })) } } }),
  };
}

/** The annotations that let Services share addresses under a key. */
export const sharing = (key: string): Readonly<Record<string, string>> => ({ 'metallb.io/allow-shared-ip': key });
