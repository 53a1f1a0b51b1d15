/** Defaults, preparation and validation of Endpoints. Follows pkg/apis/core/validation of Kubernetes. */
import { ipWarnings, reachableIPMistake } from '../../addresses.ts';
import { forbidden, requiredValue } from '../../field-errors.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { dnsLabelMistake, dnsSubdomainMistake, labelKeyMistake } from '../../names.ts';
import { portMistake } from '../../ports.ts';
import type { Cause } from '../../status.ts';
import { canonicalSubsets } from './endpoints.subsets.ts';
import type { EndpointAddress, EndpointSubset, Endpoints, EndpointsPort } from './endpoints.ts';

export function defaultEndpoints(endpoints: Endpoints): Endpoints {
  if (endpoints.subsets === undefined) return endpoints;
  const subsets = endpoints.subsets.map(({ ports, ...rest }) =>
    ports === undefined
      ? rest
      : { ...rest, ports: ports.map((port) => ({ ...port, protocol: port.protocol ?? 'TCP' })) },
  );
  return { ...endpoints, subsets };
}

/** Kept in canonical form, but for what is not valid: its causes name fields as they were written. */
export function prepareEndpoints(endpoints: Endpoints): Endpoints {
  if (endpoints.subsets === undefined || validateEndpoints(endpoints, undefined).length > 0) return endpoints;
  return { ...endpoints, subsets: canonicalSubsets(endpoints.subsets) };
}

export function validateEndpoints({ subsets = [] }: Endpoints, old: Endpoints | undefined): readonly Cause[] {
  const nodes = new Map(allAddresses(old?.subsets ?? []).map(({ ip, nodeName }) => [ip, nodeName]));
  return subsets.flatMap((subset, i) => validateSubset(subset, `subsets[${i}]`, nodes));
}

export function endpointsWarnings({ subsets = [] }: Endpoints): readonly string[] {
  return subsets.flatMap((subset, i) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip }, j) => ipWarnings(`subsets[${i}].${list}[${j}].ip`, ip)),
    ),
  );
}

function allAddresses(subsets: readonly EndpointSubset[]): readonly EndpointAddress[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [] }) => [...addresses, ...notReadyAddresses]);
}

type Nodes = ReadonlyMap<string, string | undefined>;

function validateSubset(subset: EndpointSubset, at: string, nodes: Nodes): readonly Cause[] {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  const isEmpty = addresses.length === 0 && notReadyAddresses.length === 0;
  return [
    ...(isEmpty ? [requiredValue(at, 'must specify `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap((address, i) => validateAddress(address, `${at}.addresses[${i}]`, nodes)),
    ...notReadyAddresses.flatMap((address, i) => validateAddress(address, `${at}.notReadyAddresses[${i}]`, nodes)),
    ...ports.flatMap((port, i) => validatePort(port, ports.length > 1, `${at}.ports[${i}]`)),
  ];
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, at: string, nodes: Nodes): readonly Cause[] {
  const before = nodes.get(ip);
  const moved = before !== undefined && nodeName !== undefined && before !== nodeName;
  return [
    ...mistakeIn(`${at}.ip`, ip, reachableIPMistake(ip)),
    ...(hostname ? mistakeIn(`${at}.hostname`, hostname, dnsLabelMistake(hostname)) : []),
    ...(nodeName === undefined ? [] : mistakeIn(`${at}.nodeName`, nodeName, dnsSubdomainMistake(nodeName))),
    ...(moved ? [forbidden(`${at}.nodeName`, `Cannot change NodeName for ${ip} to ${nodeName}`)] : []),
  ];
}

function validatePort(
  { name = '', port, appProtocol }: EndpointsPort,
  nameNeeded: boolean,
  at: string,
): readonly Cause[] {
  const nameCauses = name === '' ? [] : mistakeIn(`${at}.name`, name, dnsLabelMistake(name));
  return [
    ...(nameNeeded && name === '' ? [requiredValue(`${at}.name`)] : nameCauses),
    ...mistakeIn(`${at}.port`, port, portMistake(port)),
    ...(appProtocol === undefined ? [] : mistakeIn(`${at}.appProtocol`, appProtocol, labelKeyMistake(appProtocol))),
  ];
}
