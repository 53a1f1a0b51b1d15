/** What OCI is told of a network load balancer. Pure. */
import type { models } from 'oci-networkloadbalancer';
import type { IPFamily } from '../../../../../lib/ip.ts';
import type { Plain } from '../../calls.ts';
import { backendOf, type CreateOptions } from '../balancers.ts';
import { checkerOf } from '../health.ts';
import type { DesiredBackendSet, DesiredLoadBalancer, Listener } from '../model.ts';

type WireBackendSet = Plain<models.BackendSet>;
type WireListener = Plain<models.Listener>;
type Policy = NonNullable<WireBackendSet['policy']>;
type Protocol = WireListener['protocol'];

const versionOf = (family: IPFamily | undefined) => (family === 'IPv6' ? 'IPV6' : 'IPV4');

export function createDetails(
  desired: DesiredLoadBalancer,
  compartmentId: string,
  { reservedIp }: CreateOptions,
): Plain<models.CreateNetworkLoadBalancerDetails> {
  const { IPv4, IPv6 } = desired.assignedAddresses;
  return {
    compartmentId,
    displayName: desired.name,
    isPrivate: desired.internal,
    nlbIpVersion: desired.ipVersion,
    subnetId: desired.subnets[0] ?? '',
    networkSecurityGroupIds: desired.groups,
    ...(reservedIp === undefined ? {} : { reservedIps: [{ id: reservedIp }] }),
    ...(IPv4 === undefined ? {} : { assignedPrivateIpv4: IPv4 }),
    ...(IPv6 === undefined ? {} : { assignedIpv6: IPv6 }),
    listeners: Object.fromEntries(
      desired.listeners.map((one) => [one.name, { name: one.name, ...listenerDetails(one) }]),
    ),
    backendSets: Object.fromEntries(desired.backendSets.map((one) => [one.name, backendSetDetails(one)])),
    freeformTags: desired.tags.freeform,
    definedTags: desired.tags.defined,
  };
}

/** `was` is what it is now, with what an administrator may have added. */
export function listenerDetails({ backendSet, family, port, protocol, proxyProtocol }: Listener, was?: WireListener) {
  const { tcpIdleTimeout, udpIdleTimeout, l3IpIdleTimeout, isPpv2Enabled } = was ?? {};
  const isPpv2 = proxyProtocol === undefined ? isPpv2Enabled : proxyProtocol !== false;
  return {
    ...(tcpIdleTimeout == null ? {} : { tcpIdleTimeout }),
    ...(udpIdleTimeout == null ? {} : { udpIdleTimeout }),
    ...(l3IpIdleTimeout == null ? {} : { l3IpIdleTimeout }),
    ...(isPpv2 == null ? {} : { isPpv2Enabled: isPpv2 }),
    defaultBackendSetName: backendSet,
    ipVersion: versionOf(family),
    port,
    // Only protocols that requests know come here.
    protocol: protocol as Protocol,
  } as const;
}

/** Weights, draining and the like stay with the backends that stay. */
export function backendSetDetails(set: DesiredBackendSet, was?: WireBackendSet) {
  const { isFailOpen, isInstantFailoverEnabled, isInstantFailoverTcpResetEnabled } = was ?? {};
  const { areOperationallyActiveBackendsPreferred: prefersActive } = was ?? {};
  const before = new Map(
    (was?.backends ?? []).map((one) => {
      const { address, port } = backendOf(one);
      return [`${address} ${port}`, one];
    }),
  );
  return {
    ...(isFailOpen == null ? {} : { isFailOpen }),
    ...(isInstantFailoverEnabled == null ? {} : { isInstantFailoverEnabled }),
    ...(isInstantFailoverTcpResetEnabled == null ? {} : { isInstantFailoverTcpResetEnabled }),
    ...(prefersActive == null ? {} : { areOperationallyActiveBackendsPreferred: prefersActive }),
    policy: set.policy as Policy,
    ipVersion: versionOf(set.family),
    isPreserveSource: set.preserveSource ?? false,
    healthChecker: checkerOf(set.health),
    backends: set.backends.map(({ address, port }) => {
      const { weight = 1, isDrain, isBackup, isOffline } = before.get(`${address} ${port}`) ?? {};
      const flags = { isDrain: isDrain ?? false, isBackup: isBackup ?? false, isOffline: isOffline ?? false };
      return { ipAddress: address, port, weight, ...flags };
    }),
  } as const;
}
