/** What OCI tells of a network load balancer. Pure. */
import type { models } from 'oci-networkloadbalancer';
import type { IPFamily } from '../../../../../lib/ip.ts';
import type { Plain } from '../../calls.ts';
import { addressesOf, type BalancerSummary, backendOf, stateOf, timeOf } from '../balancers.ts';
import { healthOf } from '../health.ts';
import { type ActualLoadBalancer, type BackendSet, compareBackends, type Listener } from '../model.ts';

type Wire = Plain<models.NetworkLoadBalancer>;
type WireBackendSet = Plain<models.BackendSet>;
type WireListener = Plain<models.Listener>;
type WireSummary = Plain<models.NetworkLoadBalancerSummary>;

export function summaryOf(wire: WireSummary): BalancerSummary {
  return {
    id: wire.id,
    name: wire.displayName,
    state: stateOf(wire.lifecycleState),
    created: timeOf(wire.timeCreated),
    subnets: [wire.subnetId],
    freeformTags: wire.freeformTags ?? {},
  };
}

export function actualOf(wire: Wire): ActualLoadBalancer {
  const { nlbIpVersion } = wire;
  return {
    type: 'nlb',
    id: wire.id,
    name: wire.displayName,
    state: stateOf(wire.lifecycleState),
    internal: wire.isPrivate ?? false,
    subnets: [wire.subnetId],
    groups: wire.networkSecurityGroupIds ?? [],
    ipVersion: nlbIpVersion === 'IPV6' || nlbIpVersion === 'IPV4_AND_IPV6' ? nlbIpVersion : 'IPV4',
    addresses: addressesOf(wire.ipAddresses),
    listeners: Object.values(wire.listeners ?? {}).map(actualListener),
    backendSets: Object.values(wire.backendSets ?? {}).map(actualBackendSet),
    certificates: [],
    freeformTags: wire.freeformTags ?? {},
  };
}

const FAMILIES: Readonly<Record<string, IPFamily>> = { IPV4: 'IPv4', IPV6: 'IPv6' };
const familyOf = (version: string | undefined): IPFamily => FAMILIES[version ?? ''] ?? 'IPv4';

function actualListener({
  name,
  defaultBackendSetName,
  protocol,
  port,
  ipVersion,
  isPpv2Enabled,
}: WireListener): Listener {
  return {
    name,
    backendSet: defaultBackendSetName,
    family: familyOf(ipVersion),
    protocol,
    port,
    ...(isPpv2Enabled ? { proxyProtocol: 2 } : {}),
  };
}

function actualBackendSet(set: WireBackendSet): BackendSet {
  return {
    name: set.name,
    family: familyOf(set.ipVersion),
    preserveSource: set.isPreserveSource ?? true,
    policy: set.policy ?? 'FIVE_TUPLE',
    health: healthOf(set.healthChecker),
    backends: (set.backends ?? []).map(backendOf).sort(compareBackends),
  };
}
