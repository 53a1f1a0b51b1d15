/** What OCI is told of a load balancer. Pure. */
import type { models } from 'oci-loadbalancer';
import type { Plain } from '../../calls.ts';
import type { Shape } from '../../request.ts';
import type { CreateOptions } from '../balancers.ts';
import { type Certificate, isOurs } from '../certificates.ts';
import { checkerOf } from '../health.ts';
import type { DesiredBackendSet, DesiredLoadBalancer, Listener, Tls } from '../model.ts';

type WireBackendSet = Plain<models.BackendSet>;
type WireListener = Plain<models.Listener>;

/** As OCI's controller has it. */
const DEFAULT_SHAPE: Shape = { name: '100Mbps' };

export function createDetails(
  desired: DesiredLoadBalancer,
  compartmentId: string,
  { reservedIp, certificates }: CreateOptions,
): Plain<models.CreateLoadBalancerDetails> {
  const needed = Object.values(certificates).map((one) => [one.name, certificateDetails(one)] as const);
  return {
    compartmentId,
    displayName: desired.name,
    ...shapeDetails(desired.shape ?? DEFAULT_SHAPE),
    isPrivate: desired.internal,
    ipMode: desired.ipVersion === 'IPV4' ? 'IPV4' : 'IPV6',
    subnetIds: desired.subnets,
    networkSecurityGroupIds: desired.groups,
    ...(reservedIp === undefined ? {} : { reservedIps: [{ id: reservedIp }] }),
    listeners: Object.fromEntries(desired.listeners.map((one) => [one.name, listenerDetails(one)])),
    backendSets: Object.fromEntries(desired.backendSets.map((one) => [one.name, backendSetDetails(one)])),
    ...(needed.length === 0 ? {} : { certificates: Object.fromEntries(needed) }),
    freeformTags: desired.tags.freeform,
    definedTags: desired.tags.defined,
  };
}

export function shapeDetails({ name, minimum, maximum }: Shape) {
  if (minimum === undefined || maximum === undefined) return { shapeName: name };
  return {
    shapeName: name,
    shapeDetails: { minimumBandwidthInMbps: minimum, maximumBandwidthInMbps: maximum },
  };
}

/** `was` is what it is now, with what an administrator may have added. */
export function listenerDetails(listener: Listener, was?: WireListener): Plain<models.ListenerDetails> {
  const { hostnameNames, pathRouteSetName, routingPolicyName, ruleSetNames } = was ?? {};
  const configuration = connectionConfiguration(listener, was?.connectionConfiguration);
  return {
    ...tlsDetails(listener.tls, was?.sslConfiguration),
    ...present({ hostnameNames, pathRouteSetName, routingPolicyName, ruleSetNames }),
    defaultBackendSetName: listener.backendSet,
    port: listener.port,
    protocol: listener.protocol,
    ...(configuration === undefined ? {} : { connectionConfiguration: configuration }),
  };
}

/** A version of the PROXY protocol goes with an idle timeout. */
function connectionConfiguration(
  { idleTimeout, proxyProtocol }: Listener,
  was: WireListener['connectionConfiguration'],
): WireListener['connectionConfiguration'] {
  if (idleTimeout === undefined) return was;
  return { ...was, idleTimeout, ...(proxyProtocol ? { backendTcpProxyProtocolVersion: proxyProtocol } : {}) };
}

/** Weights, draining and the like stay with the backends that stay. */
export function backendSetDetails(set: DesiredBackendSet, was?: WireBackendSet) {
  const { sessionPersistenceConfiguration, lbCookieSessionPersistenceConfiguration, backendMaxConnections } = was ?? {};
  const before = new Map((was?.backends ?? []).map((one) => [`${one.ipAddress} ${one.port}`, one]));
  return {
    ...tlsDetails(set.tls, was?.sslConfiguration),
    ...present({ sessionPersistenceConfiguration, lbCookieSessionPersistenceConfiguration, backendMaxConnections }),
    policy: set.policy,
    // Nodes answer health checks in the clear.
    healthChecker: { ...checkerOf(set.health), ...(set.tls === undefined ? {} : { isForcePlainText: true }) },
    backends: set.backends.map(({ address, port }) => {
      const { weight = 1, maxConnections, drain, backup, offline } = before.get(`${address} ${port}`) ?? {};
      return { ipAddress: address, port, weight, ...present({ maxConnections, drain, backup, offline }) };
    }),
  };
}

export function certificateDetails({ name, ...rest }: Certificate): Plain<models.CreateCertificateDetails> {
  return { certificateName: name, ...rest };
}

type WireTls = NonNullable<WireListener['sslConfiguration']>;

/** What an administrator has set stays where the Service asks for none; it is read nearly as it is written. */
function tlsDetails(tls: Tls | undefined, was: WireTls | null | undefined) {
  if (tls !== undefined) {
    const { certificate, cipherSuite, protocols } = tls;
    const options = present({ cipherSuiteName: cipherSuite, protocols });
    return {
      sslConfiguration: { certificateName: certificate, verifyPeerCertificate: false, ...options },
    };
  }
  if (was == null || isOurs(was.certificateName ?? '')) return {};
  const { serverOrderPreference: preference, ...rest } = was;
  const isKnown = preference === 'ENABLED' || preference === 'DISABLED';
  return { sslConfiguration: { ...rest, ...(isKnown ? { serverOrderPreference: preference } : {}) } };
}

/** Without what is undefined or null. */
function present<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value != null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
