/** Columns of `kubectl get services`, as Kubernetes prints them. */
import type { Column } from '../../kind.ts';
import { printLabels } from '../../print.ts';
import type { Service } from './service.ts';

export const serviceColumns: readonly Column<Service>[] = [
  { name: 'Type', type: 'string', value: ({ spec }) => spec?.type ?? '' },
  { name: 'Cluster-IP', type: 'string', value: ({ spec }) => spec?.clusterIPs?.[0] ?? spec?.clusterIP ?? '<none>' },
  { name: 'External-IP', type: 'string', value: externalAddresses },
  { name: 'Port(s)', type: 'string', value: printPorts },
  { name: 'Selector', type: 'string', priority: 1, value: ({ spec }) => printLabels(spec?.selector) },
];

function externalAddresses({ spec, status }: Service): string {
  const externalIPs = spec?.externalIPs ?? [];
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  if (spec?.type !== 'LoadBalancer') return externalIPs.length === 0 ? '<none>' : externalIPs.join(',');
  const given = new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || ''));
  const all = [...[...given].filter((address) => address !== '').sort(), ...externalIPs];
  return all.length === 0 ? '<pending>' : all.join(',');
}

function printPorts({ spec }: Service): string {
  const ports = (spec?.ports ?? []).map(({ port, nodePort, protocol = 'TCP' }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return ports.length === 0 ? '<none>' : ports.join(',');
}
