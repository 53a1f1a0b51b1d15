/** Columns of `kubectl get endpoints`, as Kubernetes prints them. */
import { hostPort } from '../../addresses.ts';
import type { Column } from '../../kind.ts';
import type { Endpoints } from './endpoints.ts';

/** Endpoints that are shown; of the others only their number. */
const SHOWN = 3;

export const endpointsColumns: readonly Column<Endpoints>[] = [
  { name: 'Endpoints', type: 'string', value: printEndpoints },
];

function printEndpoints({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) => {
    if (ports.length === 0) return addresses.map(({ ip }) => ip);
    return ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port)));
  });
  if (all.length === 0) return '<none>';
  const rest = all.length > SHOWN ? ` + ${all.length - SHOWN} more...` : '';
  return `${all.slice(0, SHOWN).join(',')}${rest}`;
}
