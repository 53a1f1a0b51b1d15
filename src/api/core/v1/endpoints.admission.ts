/** Defaults, preparation and validation of Endpoints. Follows pkg/apis/core/validation of Kubernetes. */
import { ipWarnings, reachableIPMistake } from '../../addresses.ts';
import { requiredValue } from '../../field-errors.ts';
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
  if (endpoints.subsets === undefined || validateEndpoints(endpoints).length > 0) return endpoints;
  return { ...endpoints, subsets: canonicalSubsets(endpoints.subsets) };
}

/** An address may move to another node: when a node is gone, another may get its CIDR. */
export function validateEndpoints({ subsets = [] }: Endpoints): readonly Cause[] {
  return subsets.flatMap((subset, i) => validateSubset(subset, `subsets[${i}]`));
}

export function endpointsWarnings({ subsets = [] }: Endpoints): readonly string[] {
  return subsets.flatMap((subset, i) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip }, j) => ipWarnings(`subsets[${i}].${list}[${j}].ip`, ip)),
    ),
  );
}

function validateSubset(subset: EndpointSubset, at: string): readonly Cause[] {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  const isEmpty = addresses.length === 0 && notReadyAddresses.length === 0;
  return [
    ...(isEmpty ? [requiredValue(at, 'must specify `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap((address, i) => validateAddress(address, `${at}.addresses[${i}]`)),
    ...notReadyAddresses.flatMap((address, i) => validateAddress(address, `${at}.notReadyAddresses[${i}]`)),
    ...ports.flatMap((port, i) => validatePort(port, ports.length > 1, `${at}.ports[${i}]`)),
  ];
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, at: string): readonly Cause[] {
  return [
    ...mistakeIn(`${at}.ip`, ip, reachableIPMistake(ip)),
    ...(hostname ? mistakeIn(`${at}.hostname`, hostname, dnsLabelMistake(hostname)) : []),
    ...(nodeName === undefined ? [] : mistakeIn(`${at}.nodeName`, nodeName, dnsSubdomainMistake(nodeName))),
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
