/** Bodies of calls of the load balancer service. https://docs.oracle.com/en-us/iaas/api/#/en/loadbalancer/20170115/ */
import type { models } from 'oci-loadbalancer';
import type { Plain } from '../../calls.ts';
import {
  anything,
  boolean,
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
  port,
  required,
  text,
} from '../checks.ts';

const displayName = text({ min: 1, max: 1024 });
/** Backend sets: letters, digits, dashes and underscores, at most 32. */
const backendSetName = text({ min: 1, max: 32, like: /^[A-Za-z0-9_-]+$/ });
const listenerName = text({ min: 1, max: 255, like: /^\S+$/ });
const certificateName = text({ min: 1, max: 255, like: /^[A-Za-z0-9_-]+$/ });
/** Unset or 0: without a limit. */
const maxConnections = integer(0, 65_535);
const groups = list(ocid('networksecuritygroup'), { unique: true });
const policy = oneOf('ROUND_ROBIN', 'LEAST_CONNECTIONS', 'IP_HASH');
const ipMode = oneOf('IPV4', 'IPV6');

const healthChecker = object<Plain<models.HealthCheckerDetails>>(
  {
    protocol: required(oneOf('HTTP', 'TCP')),
    urlPath: optional(text({ min: 1, max: 1024, like: /^\// })),
    port: optional(integer(0, 65_535)),
    returnCode: optional(integer(100, 599)),
    retries: optional(integer(1, 100)),
    timeoutInMillis: optional(integer(1, 600_000)),
    intervalInMillis: optional(integer(1000, 1_800_000)),
    responseBodyRegex: optional(text()),
    isForcePlainText: optional(boolean),
  },
  ({ protocol, urlPath }) => (protocol === 'HTTP' && !urlPath ? 'is HTTP and has no urlPath' : undefined),
);

const backend = object<Plain<models.BackendDetails>>({
  ipAddress: required(ip),
  port: required(port),
  weight: optional(integer(1, 100)),
  maxConnections: optional(maxConnections),
  backup: optional(boolean),
  drain: optional(boolean),
  offline: optional(boolean),
});

const sslConfiguration = object<Plain<models.SSLConfigurationDetails>>({
  verifyDepth: optional(integer(1, 10)),
  verifyPeerCertificate: optional(boolean),
  hasSessionResumption: optional(boolean),
  trustedCertificateAuthorityIds: optional(list(ocid('certificateauthority', 'cabundle'))),
  certificateIds: optional(list(ocid('certificate'))),
  certificateName: optional(certificateName),
  protocols: optional(list(oneOf('TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'), { unique: true })),
  cipherSuiteName: optional(text({ min: 1 })),
  serverOrderPreference: optional(oneOf('ENABLED', 'DISABLED')),
});

const sessionPersistence = object<Plain<models.SessionPersistenceConfigurationDetails>>({
  cookieName: required(text({ min: 1 })),
  disableFallback: optional(boolean),
});

const lbCookieSessionPersistence = object<Plain<models.LBCookieSessionPersistenceConfigurationDetails>>({
  cookieName: optional(text({ min: 1 })),
  disableFallback: optional(boolean),
  domain: optional(text()),
  path: optional(text()),
  maxAgeInSeconds: optional(integer(0, 2_147_483_647)),
  isSecure: optional(boolean),
  isHttpOnly: optional(boolean),
});

const connectionConfiguration = object<Plain<models.ConnectionConfiguration>>({
  idleTimeout: required(integer(1, 7200)),
  backendTcpProxyProtocolVersion: optional(integer(1, 2)),
  backendTcpProxyProtocolOptions: optional(list(oneOf('PP2_TYPE_AUTHORITY'))),
});

const backendSet = {
  policy: required(policy),
  backendMaxConnections: optional(maxConnections),
  healthChecker: required(healthChecker),
  sslConfiguration: optional(sslConfiguration),
  sessionPersistenceConfiguration: optional(sessionPersistence),
  lbCookieSessionPersistenceConfiguration: optional(lbCookieSessionPersistence),
};

/** Two ways of keeping a client with a backend, and only one of them for a backend set. */
const onePersistence = (found: Plain<models.BackendSetDetails>) =>
  found.sessionPersistenceConfiguration && found.lbCookieSessionPersistenceConfiguration
    ? 'has both kinds of session persistence'
    : undefined;

const listener = {
  defaultBackendSetName: required(backendSetName),
  port: required(port),
  protocol: required(oneOf('HTTP', 'HTTP2', 'TCP', 'GRPC')),
  hostnameNames: optional(list(text())),
  pathRouteSetName: optional(text()),
  sslConfiguration: optional(sslConfiguration),
  connectionConfiguration: optional(connectionConfiguration),
  routingPolicyName: optional(text()),
  ruleSetNames: optional(list(text())),
};

const certificate = {
  passphrase: optional(text()),
  privateKey: optional(text({ max: 16_384 })),
  publicCertificate: optional(text({ max: 65_536 })),
  caCertificate: optional(text({ max: 65_536 })),
  certificateName: required(certificateName),
};

const shapeDetails = object<Plain<models.ShapeDetails>>(
  { minimumBandwidthInMbps: required(integer(10, 8000)), maximumBandwidthInMbps: required(integer(10, 8000)) },
  ({ minimumBandwidthInMbps: min, maximumBandwidthInMbps: max }) =>
    min <= max ? undefined : `has a minimum of ${min} above its maximum of ${max}`,
);

/** All but the flexible one are deprecated, and accepted. */
const shapeName = text({ like: /^(flexible|10Mbps|10Mbps-Micro|100Mbps|400Mbps|8000Mbps)$/i });

const shapeFits = (found: { readonly shapeName: string; readonly shapeDetails?: unknown }) =>
  /^flexible$/i.test(found.shapeName) && !found.shapeDetails ? 'is flexible and has no shapeDetails' : undefined;

const reservedIps = list(object<Plain<models.ReservedIP>>({ id: optional(ocid('publicip')) }), { max: 1 });

export const createLoadBalancer = object<Plain<models.CreateLoadBalancerDetails>>(
  {
    compartmentId: required(ocid('compartment', 'tenancy')),
    displayName: required(displayName),
    shapeName: required(shapeName),
    shapeDetails: optional(shapeDetails),
    isPrivate: optional(boolean),
    isDeleteProtectionEnabled: optional(boolean),
    ipMode: optional(ipMode),
    ipv6SubnetCidr: optional(text()),
    isRequestIdEnabled: optional(boolean),
    requestIdHeader: optional(text()),
    reservedIps: optional(reservedIps),
    listeners: optional(map(object<Plain<models.ListenerDetails>>(listener), { name: listenerName })),
    hostnames: optional(anything),
    backendSets: optional(
      map(
        object<Plain<models.BackendSetDetails>>({ ...backendSet, backends: optional(list(backend)) }, onePersistence),
        { name: backendSetName },
      ),
    ),
    networkSecurityGroupIds: optional(groups),
    subnetIds: required(list(ocid('subnet'), { unique: true })),
    certificates: optional(map(object<Plain<models.CertificateDetails>>(certificate), { name: certificateName })),
    sslCipherSuites: optional(anything),
    pathRouteSets: optional(anything),
    freeformTags: optional(freeformTags),
    definedTags: optional(definedTags),
    securityAttributes: optional(definedTags),
    ruleSets: optional(anything),
  },
  shapeFits,
);

export const updateLoadBalancer = object<Plain<models.UpdateLoadBalancerDetails>>({
  displayName: optional(displayName),
  ipMode: optional(ipMode),
  ipv6SubnetCidr: optional(text()),
  reservedIps: optional(reservedIps),
  isDeleteProtectionEnabled: optional(boolean),
  isRequestIdEnabled: optional(boolean),
  requestIdHeader: optional(text()),
  freeformTags: optional(freeformTags),
  definedTags: optional(definedTags),
  securityAttributes: optional(definedTags),
});

export const updateShape = object<Plain<models.UpdateLoadBalancerShapeDetails>>(
  { shapeName: required(shapeName), shapeDetails: optional(shapeDetails) },
  shapeFits,
);

export const updateGroups = object<Plain<models.UpdateNetworkSecurityGroupsDetails>>({
  networkSecurityGroupIds: optional(groups),
});

export const createBackendSet = object<Plain<models.CreateBackendSetDetails>>(
  { ...backendSet, name: required(backendSetName), backends: optional(list(backend)) },
  onePersistence,
);

export const updateBackendSet = object<Plain<models.UpdateBackendSetDetails>>(
  { ...backendSet, backends: required(list(backend)) },
  onePersistence,
);

export const createListener = object<Plain<models.CreateListenerDetails>>({
  ...listener,
  name: required(listenerName),
});
export const updateListener = object<Plain<models.UpdateListenerDetails>>(listener);
export const createCertificate = object<Plain<models.CreateCertificateDetails>>(certificate);
