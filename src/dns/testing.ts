/** For tests: small objects that show only what matters. */
import type { Service } from '../api/core/v1/service.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL } from '../api/discovery/v1/endpointslice.ts';

export function service(name: string, spec: NonNullable<Service['spec']>, namespace = 'ns'): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec };
}

export function slice(
  serviceName: string,
  fields: Pick<EndpointSlice, 'endpoints'> & Partial<Pick<EndpointSlice, 'addressType' | 'ports'>>,
  name = `${serviceName}-1`,
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'ns', labels: { [SERVICE_NAME_LABEL]: serviceName } },
    addressType: 'IPv4',
    ...fields,
  };
}
