/**
 * core/v1 Endpoints: all endpoints of a Service in one object, for clients that know no EndpointSlices.
 * https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoints-v1/
 */
import { defineKind, type Resource } from '../../kind.ts';
import { int32, list, object, oneOf, required, string, type TypeOf, withDefault } from '../../schema.ts';
import { defaultEndpoints, endpointsWarnings, prepareEndpoints, validateEndpoints } from './endpoints.admission.ts';
import { endpointsColumns } from './endpoints.columns.ts';
import { objectReference } from './event.ts';

const address = object({
  ip: required(withDefault(string('Neither loopback, link-local nor multicast.'), '')),
  hostname: string('Name of its own under a headless Service.'),
  nodeName: string('The node it is on.'),
  targetRef: objectReference,
});
export type EndpointAddress = TypeOf<typeof address>;

const port = object({
  name: string('Name of the Service port. Must be there when there are several.'),
  port: required(withDefault(int32(), 0)),
  protocol: withDefault(oneOf(['TCP', 'UDP', 'SCTP'], 'Default: TCP.'), 'TCP'),
  appProtocol: string(),
});
export type EndpointsPort = TypeOf<typeof port>;

const subset = object(
  {
    addresses: list(address, 'Those that take connections.'),
    notReadyAddresses: list(address, 'Those that do not, yet or any more.'),
    ports: list(port),
  },
  'Every address with every port.',
);
export type EndpointSubset = TypeOf<typeof subset>;

const fields = object(
  { subsets: list(subset) },
  'The endpoints of the Service of the same name. Deprecated: EndpointSlices tell more, and have no limit.',
);
export type Endpoints = Resource<TypeOf<typeof fields>>;

export const Endpoints = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  createOnUpdate: true,
  generation: false,
  deprecated: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  schema: fields,
  columns: endpointsColumns,
  defaults: defaultEndpoints,
  prepare: prepareEndpoints,
  validate: validateEndpoints,
  warnings: endpointsWarnings,
});
