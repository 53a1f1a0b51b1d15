/** Defaults and validation of EndpointSlices. Follows pkg/apis/discovery of Kubernetes. */
import type { IPFamily } from '../../../lib/ip.ts';
import { reachableIPMistake } from '../../addresses.ts';
import { immutable, requiredValue, tooMany } from '../../field-errors.ts';
import { duplicates, mistakeIn } from '../../meta/validation.ts';
import { dnsLabelMistake, dnsSubdomainMistake, labelKeyMistake } from '../../names.ts';
import { portMistake } from '../../ports.ts';
import type { Cause } from '../../status.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from './endpointslice.ts';

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;

export function defaultEndpointSlice(slice: EndpointSlice): EndpointSlice {
  if (slice.ports === undefined) return slice;
  return {
    ...slice,
    ports: slice.ports.map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' })),
  };
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
  const { addresses, hostname, nodeName } = endpoint;
  const field = `${at}.addresses`;
  if (addresses.length === 0) return [requiredValue(field, 'must contain at least 1 address')];
  if (addresses.length > MAX_ADDRESSES) return [tooMany(field, addresses.length, MAX_ADDRESSES)];
  return [
    ...addresses.flatMap((address, i) => mistakeIn(`${field}[${i}]`, address, addressMistake(type, address))),
    ...(hostname ? mistakeIn(`${at}.hostname`, hostname, dnsLabelMistake(hostname)) : []),
    ...(nodeName ? mistakeIn(`${at}.nodeName`, nodeName, dnsSubdomainMistake(nodeName)) : []),
  ];
}

function addressMistake(type: EndpointSlice['addressType'], address: string): string | undefined {
  return type === 'FQDN' ? dnsSubdomainMistake(address) : reachableIPMistake(address, type satisfies IPFamily);
}

function validatePort({ name = '', port, appProtocol }: EndpointPort, at: string): readonly Cause[] {
  return [
    ...(name === '' ? [] : mistakeIn(`${at}.name`, name, dnsLabelMistake(name))),
    ...(port === undefined ? [] : mistakeIn(`${at}.port`, port, portMistake(port))),
    ...(appProtocol === undefined ? [] : mistakeIn(`${at}.appProtocol`, appProtocol, labelKeyMistake(appProtocol))),
  ];
}
