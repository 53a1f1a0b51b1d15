/** Endpoints that node proxies leave out, as a Service port has more than they forward to. Pure; in words for people. */
import { MAX_ENDPOINTS } from '../../api/core/v1/service.forwarding.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { Finding } from './finding.ts';

/** Of the Service's own slices. */
export function whyLeftOut(slices: readonly EndpointSlice[]): readonly Finding[] {
  const ready = new Map<string, Set<string>>();
  for (const { addressType, endpoints, ports = [] } of slices) {
    const addresses = endpoints.flatMap(({ addresses, conditions }) =>
      (conditions?.ready ?? true) ? addresses.slice(0, 1) : [],
    );
    for (const { name = '', protocol = 'TCP' } of ports) {
      const port = `${addressType} ${protocol}${name === '' ? '' : ` port ${name}`}`;
      const known = ready.get(port) ?? new Set();
      ready.set(port, known);
      for (const address of addresses) known.add(address);
    }
  }
  return [...ready]
    .filter(([, { size }]) => size > MAX_ENDPOINTS)
    .map(([port, { size }]) => ({
      kind: 'too-many-endpoints',
      message: `it has ${size} ready endpoints (${port}), and nodes forward to ${MAX_ENDPOINTS} of them: ${size - MAX_ENDPOINTS} get no new connections`,
      remedy: 'divide them among several Services',
    }));
}
