/** Columns of `kubectl get endpointslices`, as Kubernetes prints them. */
import type { Column } from '../../kind.ts';
import { printSome } from '../../print.ts';
import type { EndpointSlice } from './endpointslice.ts';

export const endpointSliceColumns: readonly Column<EndpointSlice>[] = [
  { name: 'AddressType', type: 'string', value: ({ addressType }) => addressType },
  { name: 'Ports', type: 'string', value: printPorts },
  {
    name: 'Endpoints',
    type: 'string',
    value: ({ endpoints }) => printSome(endpoints.flatMap(({ addresses }) => addresses)),
  },
];

function printPorts({ ports = [] }: EndpointSlice): string {
  return printSome(ports.map(({ port, name }) => (port === undefined ? name || '*' : String(port))));
}
