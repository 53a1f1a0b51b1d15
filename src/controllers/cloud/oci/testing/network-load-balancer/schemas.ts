/** Bodies of calls of the network load balancer service. https://docs.oracle.com/en-us/iaas/api/#/en/networkloadbalancer/20200501/ */
import type { models } from 'oci-networkloadbalancer';
import type { Plain } from '../../calls.ts';
import {
  boolean,
  cidr,
  definedTags,
  freeformTags,
  integer,
  ip,
  list,
  map,
  object,
  ocid,
  oneOf,
  optional,
  required,
  text,
} from '../checks.ts';

const displayName = text({ min: 1, max: 1024 });
const backendSetName = text({ min: 1, max: 32, like: /^[A-Za-z0-9_-]+$/ });
const listenerName = text({ min: 1, max: 255, like: /^\S+$/ });
const groups = list(ocid('networksecuritygroup'), { unique: true });
const policy = oneOf('TWO_TUPLE', 'THREE_TUPLE', 'FIVE_TUPLE');
const ipVersion = oneOf('IPV4', 'IPV6');
const nlbIpVersion = oneOf('IPV4', 'IPV4_AND_IPV6', 'IPV6');
/** 0 stands for every port, with listeners of protocol ANY and L3IP and their backends. */
const portOrAny = integer(0, 65_535);

const backend = object<Plain<models.BackendDetails>>(
  {
    name: optional(text({ max: 255 })),
    ipAddress: optional(ip),
    targetId: optional(ocid('instance', 'privateip', 'ipv6')),
    port: required(portOrAny),
    weight: optional(integer(1, 100)),
    isBackup: optional(boolean),
    isDrain: optional(boolean),
    isOffline: optional(boolean),
  },
  ({ ipAddress, targetId }) => (ipAddress || targetId ? undefined : 'has neither ipAddress nor targetId'),
);

const dns = object<Plain<models.DnsHealthCheckerDetails>>({
  transportProtocol: optional(oneOf('UDP', 'TCP')),
  domainName: required(text({ min: 1, max: 255 })),
  queryClass: optional(oneOf('IN', 'CH')),
  queryType: optional(oneOf('A', 'TXT', 'AAAA')),
  rcodes: optional(list(oneOf('NOERROR', 'SERVFAIL', 'NXDOMAIN', 'REFUSED'))),
});

const healthChecker = object<Plain<models.HealthCheckerDetails>>(
  {
    protocol: required(oneOf('HTTP', 'HTTPS', 'TCP', 'UDP', 'DNS')),
    port: optional(portOrAny),
    retries: optional(integer(1, 100)),
    timeoutInMillis: optional(integer(1, 600_000)),
    intervalInMillis: optional(integer(1000, 1_800_000)),
    urlPath: optional(text({ min: 1, max: 1024, like: /^\// })),
    responseBodyRegex: optional(text()),
    returnCode: optional(integer(100, 599)),
    requestData: optional(text()),
    responseData: optional(text()),
    dns: optional(dns),
  },
  ({ protocol, urlPath, returnCode }) =>
    protocol.startsWith('HTTP') && (!urlPath || !returnCode)
      ? `is ${protocol} and lacks ${urlPath ? 'returnCode' : 'urlPath'}`
      : undefined,
);

const backendSet = {
  isPreserveSource: optional(boolean),
  isFailOpen: optional(boolean),
  isInstantFailoverEnabled: optional(boolean),
  isInstantFailoverTcpResetEnabled: optional(boolean),
  areOperationallyActiveBackendsPreferred: optional(boolean),
  ipVersion: optional(ipVersion),
  backends: optional(list(backend)),
};

const listener = {
  ipVersion: optional(ipVersion),
  isPpv2Enabled: optional(boolean),
  tcpIdleTimeout: optional(integer(1, 86_400)),
  udpIdleTimeout: optional(integer(1, 86_400)),
  l3IpIdleTimeout: optional(integer(1, 86_400)),
};

const protocol = oneOf('ANY', 'TCP', 'UDP', 'TCP_AND_UDP', 'L3IP');

const newListener = {
  ...listener,
  name: required(listenerName),
  defaultBackendSetName: required(backendSetName),
  port: required(portOrAny),
  protocol: required(protocol),
};

/** Every port goes with a protocol that knows no ports, and no other does. */
const portFits = ({ port, protocol }: { readonly port: number; readonly protocol: string }) =>
  (port === 0) === (protocol === 'ANY' || protocol === 'L3IP') ? undefined : `has port ${port} with ${protocol}`;

export const createNetworkLoadBalancer = object<Plain<models.CreateNetworkLoadBalancerDetails>>({
  compartmentId: required(ocid('compartment', 'tenancy')),
  displayName: required(displayName),
  isPreserveSourceDestination: optional(boolean),
  isSymmetricHashEnabled: optional(boolean),
  reservedIps: optional(
    list(object<Plain<models.ReservedIP>>({ id: optional(ocid('publicip', 'privateip', 'ipv6')) }), { max: 3 }),
  ),
  isPrivate: optional(boolean),
  subnetId: required(ocid('subnet')),
  networkSecurityGroupIds: optional(groups),
  nlbIpVersion: optional(nlbIpVersion),
  subnetIpv6Cidr: optional(cidr),
  assignedPrivateIpv4: optional(ip),
  assignedIpv6: optional(ip),
  listeners: optional(map(object<Plain<models.ListenerDetails>>(newListener, portFits), { name: listenerName })),
  backendSets: optional(
    map(
      object<Plain<models.BackendSetDetails>>({
        ...backendSet,
        policy: optional(policy),
        healthChecker: required(healthChecker),
      }),
      { name: backendSetName },
    ),
  ),
  freeformTags: optional(freeformTags),
  definedTags: optional(definedTags),
  securityAttributes: optional(definedTags),
});

export const updateNetworkLoadBalancer = object<Plain<models.UpdateNetworkLoadBalancerDetails>>({
  displayName: optional(displayName),
  isPreserveSourceDestination: optional(boolean),
  isSymmetricHashEnabled: optional(boolean),
  nlbIpVersion: optional(nlbIpVersion),
  subnetIpv6Cidr: optional(cidr),
  assignedIpv6: optional(ip),
  reservedIpv6Id: optional(ocid('ipv6')),
  freeformTags: optional(freeformTags),
  definedTags: optional(definedTags),
  securityAttributes: optional(definedTags),
});

export const updateGroups = object<Plain<models.UpdateNetworkSecurityGroupsDetails>>({
  networkSecurityGroupIds: optional(groups),
});

export const createBackendSet = object<Plain<models.CreateBackendSetDetails>>({
  ...backendSet,
  name: required(backendSetName),
  policy: required(policy),
  healthChecker: required(healthChecker),
});

export const updateBackendSet = object<Plain<models.UpdateBackendSetDetails>>({
  ...backendSet,
  policy: optional(policy),
  healthChecker: optional(healthChecker),
});

export const createListener = object<Plain<models.CreateListenerDetails>>(newListener, portFits);

export const updateListener = object<Plain<models.UpdateListenerDetails>>({
  ...listener,
  defaultBackendSetName: optional(backendSetName),
  port: optional(portOrAny),
  protocol: optional(protocol),
});
