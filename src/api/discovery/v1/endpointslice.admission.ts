/** Defaults and validation of EndpointSlices. Follows pkg/apis/discovery of Kubernetes. */
import type { IPFamily } from '../../../lib/ip.ts';
import { ipWarnings, reachableIPMistake } from '../../addresses.ts';
import { immutable, requiredValue, tooMany } from '../../field-errors.ts';
import { duplicates, mistakeIn } from '../../meta/validation.ts';
import {
  dnsLabelMistake,
  dnsSubdomainMistake,
  domainNameMistake,
  labelKeyMistake,
  labelValueMistake,
} from '../../names.ts';
import { portMistake } from '../../ports.ts';
import type { Cause } from '../../status.ts';
import { MANAGED_BY_LABEL } from './endpointslice.labels.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from './endpointslice.ts';

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
/** Zones that one endpoint is hinted at for, and nodes. */
const MAX_HINTS = 8;
const CONTROLLERS = /^endpointslice(mirroring)?-controller\.k8s\.io$/;

export function defaultEndpointSlice(slice: EndpointSlice): EndpointSlice {
  if (slice.ports === undefined) return slice;
  return {
    ...slice,
    ports: slice.ports.map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' })),
  };
}

/** What `nodeName` and `zone` took the place of is not kept in version v1. */
export function prepareEndpointSlice(slice: EndpointSlice): EndpointSlice {
  if (slice.endpoints.every(({ deprecatedTopology }) => deprecatedTopology === undefined)) return slice;
  return { ...slice, endpoints: slice.endpoints.map(({ deprecatedTopology: _, ...endpoint }) => endpoint) };
}

export function endpointSliceWarnings({ metadata, addressType, endpoints }: EndpointSlice): readonly string[] {
  // Kubernetes names the field with a `spec` that slices do not have.
  if (addressType === 'FQDN') return ['spec.addressType: FQDN endpoints are deprecated'];
  // Our own controllers write addresses as RFC 5952 has them: that need not be looked at a hundred times a slice.
  if (addressType === 'IPv4' || CONTROLLERS.test(metadata.labels?.[MANAGED_BY_LABEL] ?? '')) return [];
  return endpoints.flatMap(({ addresses }, i) =>
    addresses.flatMap((address, j) => ipWarnings(`endpoints[${i}].addresses[${j}]`, address)),
  );
}

export function validateEndpointSlice(slice: EndpointSlice, old: EndpointSlice | undefined): readonly Cause[] {
  const { addressType, endpoints, ports = [] } = slice;
  const causes: Cause[] = [];
  if (old !== undefined && old.addressType !== addressType) causes.push(immutable('addressType', addressType));
  if (endpoints.length > MAX_ENDPOINTS) return [...causes, tooMany('endpoints', endpoints.length, MAX_ENDPOINTS)];
  if (ports.length > MAX_PORTS) return [...causes, tooMany('ports', ports.length, MAX_PORTS)];
  return [
    ...causes,
    ...endpoints.flatMap((endpoint, i) => validateEndpoint(endpoint, addressType, `endpoints[${i}]`)),
    ...ports.flatMap((port, i) => validatePort(port, `ports[${i}]`)),
    ...duplicates(
      ports,
      ({ name = '' }) => name,
      (i) => `ports[${i}].name`,
    ),
  ];
}

function validateEndpoint(endpoint: Endpoint, type: EndpointSlice['addressType'], at: string): readonly Cause[] {
  const { addresses, hostname, nodeName, hints = {} } = endpoint;
  const field = `${at}.addresses`;
  return [
    ...(addresses.length === 0 ? [requiredValue(field, 'must contain at least 1 address')] : []),
    ...(addresses.length > MAX_ADDRESSES ? [tooMany(field, addresses.length, MAX_ADDRESSES)] : []),
    ...addresses.flatMap((address, i) => mistakeIn(`${field}[${i}]`, address, addressMistake(type, address))),
    ...(nodeName === undefined ? [] : mistakeIn(`${at}.nodeName`, nodeName, dnsSubdomainMistake(nodeName))),
    ...(hostname === undefined ? [] : mistakeIn(`${at}.hostname`, hostname, dnsLabelMistake(hostname))),
    ...validateHints(hints.forZones, `${at}.hints.forZones`, labelValueMistake),
    ...validateHints(hints.forNodes, `${at}.hints.forNodes`, dnsSubdomainMistake),
  ];
}

function validateHints(
  hints: readonly { readonly name: string }[] = [],
  field: string,
  mistakeOf: (name: string) => string | undefined,
): readonly Cause[] {
  if (hints.length > MAX_HINTS) return [tooMany(field, hints.length, MAX_HINTS)];
  const at = (i: number) => `${field}[${i}].name`;
  return [
    ...hints.flatMap(({ name }, i) => mistakeIn(at(i), name, mistakeOf(name))),
    ...duplicates(hints, ({ name }) => name, at),
  ];
}

function addressMistake(type: EndpointSlice['addressType'], address: string): string | undefined {
  return type === 'FQDN' ? domainNameMistake(address) : reachableIPMistake(address, type satisfies IPFamily);
}

function validatePort({ name = '', port, appProtocol }: EndpointPort, at: string): readonly Cause[] {
  return [
    ...(name === '' ? [] : mistakeIn(`${at}.name`, name, dnsLabelMistake(name))),
    ...(port === undefined ? [] : mistakeIn(`${at}.port`, port, portMistake(port))),
    ...(appProtocol === undefined ? [] : mistakeIn(`${at}.appProtocol`, appProtocol, labelKeyMistake(appProtocol))),
  ];
}
