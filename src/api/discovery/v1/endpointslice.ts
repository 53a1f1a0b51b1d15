/** discovery.k8s.io/v1 EndpointSlice. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ */
import { objectReference } from '../../core/v1/event.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { keyText } from '../../meta/v1.ts';
import {
  boolean,
  emptyByDefault,
  int32,
  list,
  map,
  object,
  oneOf,
  required,
  string,
  type TypeOf,
} from '../../schema.ts';
import {
  defaultEndpointSlice,
  endpointSliceWarnings,
  prepareEndpointSlice,
  validateEndpointSlice,
} from './endpointslice.admission.ts';
import { endpointSliceColumns } from './endpointslice.columns.ts';
import { MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from './endpointslice.labels.ts';

export { MANAGED_BY_LABEL, SERVICE_NAME_LABEL };

export const endpoint = object({
  addresses: required(emptyByDefault(list(string(), 'Of the slice’s family; the first is the endpoint’s.'))),
  conditions: object({
    ready: boolean('Absent means true.'),
    serving: boolean('Absent means the same as ready.'),
    terminating: boolean('Absent means false.'),
  }),
  hostname: string(),
  targetRef: objectReference,
  deprecatedTopology: map(string(), 'Accepted and dropped: nodeName and zone took its place.'),
  nodeName: string(),
  zone: string(),
  hints: object({
    forZones: list(object({ name: required(string()) })),
    forNodes: list(object({ name: required(string()) })),
  }),
});
export type Endpoint = TypeOf<typeof endpoint>;

const endpointPort = object({
  name: string('Name of the Service port; the empty string when it has none.'),
  protocol: oneOf(['TCP', 'UDP', 'SCTP']),
  port: int32(),
  appProtocol: string(),
});
export type EndpointPort = TypeOf<typeof endpointPort>;

const fields = object(
  {
    addressType: required(oneOf(['IPv4', 'IPv6', 'FQDN'])),
    endpoints: required(emptyByDefault(list(endpoint))),
    ports: list(endpointPort),
  },
  'Endpoints of a Service, of one address family.',
);
export type EndpointSlice = Resource<TypeOf<typeof fields>>;

export const EndpointSlice = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  schema: fields,
  columns: endpointSliceColumns,
  defaults: defaultEndpointSlice,
  prepare: prepareEndpointSlice,
  validate: validateEndpointSlice,
  warnings: endpointSliceWarnings,
});

/**
 * Keys of the Services that slices belong to, each once. One without the label belongs to none. Given a slice as it is and
 * as it was, these are the Services that its change may matter to.
 */
export function serviceKeysOf(...slices: readonly (EndpointSlice | undefined)[]): readonly string[] {
  const keys = slices.flatMap((slice) => {
    const name = slice?.metadata.labels?.[SERVICE_NAME_LABEL];
    const namespace = slice?.metadata.namespace;
    return name === undefined || namespace === undefined ? [] : [keyText({ namespace, name })];
  });
  return [...new Set(keys)];
}
