/** The Services and slices that are loaded. */
import type { Service } from '../../src/api/core/v1/service.ts';
import type { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import { numbered } from '../../src/proxy/testing/many.ts';
import type { Load } from './load.ts';

/** A Service and its slices, as often as there are Services. */
export function objectsOf({
  services,
  endpoints,
  families,
}: Omit<Load, 'changes' | 'mode'>): (readonly [Service, ...EndpointSlice[]])[] {
  return Array.from({ length: services }, (_, number) => {
    const [service, ...slices] = numbered(number, endpoints) as [Service, ...EndpointSlice[]];
    if (families === 'both') return [service, ...slices];
    const { clusterIPs = [] } = service.spec ?? {};
    const spec = { ...service.spec, clusterIPs: clusterIPs.slice(0, 1) };
    return [{ ...service, spec }, ...slices.filter(({ addressType }) => addressType === 'IPv4')];
  });
}
