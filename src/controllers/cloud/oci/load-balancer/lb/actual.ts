/** What OCI tells of a load balancer. Pure. */
import type { models } from 'oci-loadbalancer';
import type { Plain } from '../../calls.ts';
import { addressesOf, type BalancerSummary, backendOf, stateOf, timeOf } from '../balancers.ts';
import { healthOf } from '../health.ts';
import { type ActualLoadBalancer, type BackendSet, compareBackends, type Listener, type Tls } from '../model.ts';

type Wire = Plain<models.LoadBalancer>;
type WireBackendSet = Plain<models.BackendSet>;
type WireListener = Plain<models.Listener>;

export function summaryOf({
  id,
  displayName,
  lifecycleState,
  timeCreated,
  subnetIds,
  freeformTags,
}: Wire): BalancerSummary {
  return {
    id,
    name: displayName,
    state: stateOf(lifecycleState),
    created: timeOf(timeCreated),
    subnets: subnetIds ?? [],
    freeformTags: freeformTags ?? {},
  };
}

export function actualOf(wire: Wire): ActualLoadBalancer {
  const { minimumBandwidthInMbps: minimum, maximumBandwidthInMbps: maximum } = wire.shapeDetails ?? {};
  const isFlexible = wire.shapeName.toLowerCase() === 'flexible';
  const width = isFlexible && minimum !== undefined && maximum !== undefined ? { minimum, maximum } : {};
  return {
    type: 'lb',
    id: wire.id,
    name: wire.displayName,
    state: stateOf(wire.lifecycleState),
    internal: wire.isPrivate ?? false,
    subnets: wire.subnetIds ?? [],
    groups: wire.networkSecurityGroupIds ?? [],
    ipVersion: wire.ipMode === 'IPV6' ? 'IPV4_AND_IPV6' : 'IPV4',
    shape: { name: isFlexible ? 'flexible' : wire.shapeName, ...width },
    addresses: addressesOf(wire.ipAddresses),
    listeners: Object.values(wire.listeners ?? {}).map(actualListener),
    backendSets: Object.values(wire.backendSets ?? {}).map(actualBackendSet),
    certificates: Object.keys(wire.certificates ?? {}),
    freeformTags: wire.freeformTags ?? {},
  };
}

function actualListener({
  name,
  defaultBackendSetName,
  protocol,
  port,
  connectionConfiguration,
  sslConfiguration,
}: WireListener): Listener {
  const { idleTimeout, backendTcpProxyProtocolVersion: version } = connectionConfiguration ?? {};
  return {
    name,
    backendSet: defaultBackendSetName,
    protocol,
    port,
    ...(idleTimeout == null ? {} : { idleTimeout }),
    ...(version === 1 || version === 2 ? { proxyProtocol: version } : {}),
    ...tlsOf(sslConfiguration),
  };
}

function actualBackendSet({ name, policy, healthChecker, backends, sslConfiguration }: WireBackendSet): BackendSet {
  return {
    name,
    policy,
    health: healthOf(healthChecker),
    backends: backends.map(backendOf).sort(compareBackends),
    ...tlsOf(sslConfiguration),
  };
}

function tlsOf(wire: WireListener['sslConfiguration'] | null): { readonly tls?: Tls } {
  if (wire == null) return {};
  const { certificateName: certificate = '', cipherSuiteName: cipherSuite, protocols } = wire;
  const options = {
    ...(cipherSuite === undefined ? {} : { cipherSuite }),
    ...(protocols === undefined ? {} : { protocols: protocols.toSorted() }),
  };
  return { tls: { certificate, ...options } };
}
