/** OCI's network load balancers: https://docs.oracle.com/en-us/iaas/api/#/en/networkloadbalancer/20200501/ */
import type { models } from 'oci-networkloadbalancer';
import type { IPFamily } from '../../../../lib/ip.ts';
import { isNotFound, type NetworkLoadBalancerCalls, type Plain } from '../calls.ts';
import { allPages } from '../pages.ts';
import {
  addressesOf,
  type BalancerSummary,
  type Balancers,
  backendOf,
  type FoundBalancer,
  stateOf,
  timeOf,
  type Work,
} from './balancers.ts';
import { checkerOf, healthOf } from './health.ts';
import {
  type ActualLoadBalancer,
  type BackendSet,
  compareBackends,
  type DesiredBackendSet,
  type DesiredLoadBalancer,
  type Listener,
  type Step,
} from './model.ts';

type Wire = Plain<models.NetworkLoadBalancer>;
type WireBackendSet = Plain<models.BackendSet>;
type WireListener = Plain<models.Listener>;
type Policy = NonNullable<WireBackendSet['policy']>;
type Protocol = WireListener['protocol'];

export function networkLoadBalancers(calls: NetworkLoadBalancerCalls, compartmentId: string): Balancers {
  return {
    type: 'nlb',
    list: async (name) => {
      const of = { compartmentId, ...(name === undefined ? {} : { displayName: name }) };
      const items = await allPages(async (page) => {
        const { networkLoadBalancerCollection, opcNextPage } = await calls.listNetworkLoadBalancers({ ...of, ...page });
        return { items: networkLoadBalancerCollection.items ?? [], opcNextPage };
      });
      return items.map(summaryOf);
    },
    read: async (id) => {
      try {
        const { networkLoadBalancer, etag } = await calls.getNetworkLoadBalancer({ networkLoadBalancerId: id });
        return found(networkLoadBalancer, etag, calls);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    create: async (desired, { reservedIp, token }) => {
      const createNetworkLoadBalancerDetails = createDetails(desired, compartmentId, reservedIp);
      const answer = await calls.createNetworkLoadBalancer({ createNetworkLoadBalancerDetails, opcRetryToken: token });
      return answer.opcWorkRequestId;
    },
    remove: async (id) => {
      await calls.deleteNetworkLoadBalancer({ networkLoadBalancerId: id });
    },
    work: (id) => workOf(calls, id),
  };
}

type WireSummary = Plain<models.NetworkLoadBalancerSummary>;

function summaryOf(wire: WireSummary): BalancerSummary {
  return {
    id: wire.id,
    name: wire.displayName,
    state: stateOf(wire.lifecycleState),
    created: timeOf(wire.timeCreated),
    subnets: [wire.subnetId],
    freeformTags: wire.freeformTags ?? {},
  };
}

async function workOf(calls: NetworkLoadBalancerCalls, workRequestId: string): Promise<Work | undefined> {
  try {
    const { status, resources = [], compartmentId } = await workRequestOf(calls, workRequestId);
    if (status === 'SUCCEEDED') {
      const made = resources.find(({ identifier }) => identifier.startsWith('ocid1.networkloadbalancer.'));
      return { kind: 'done', loadBalancer: made?.identifier };
    }
    if (status !== 'FAILED' && status !== 'CANCELED') return { kind: 'running' };
    const errors = await calls.listWorkRequestErrors({ workRequestId, compartmentId });
    const messages = (errors.workRequestErrorCollection.items ?? []).map(({ message }) => message);
    return { kind: 'failed', why: messages.join('; ') || `work request ${workRequestId}: ${status}` };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function workRequestOf(calls: NetworkLoadBalancerCalls, workRequestId: string) {
  const { workRequest } = await calls.getWorkRequest({ workRequestId });
  return workRequest;
}

function found(wire: Wire, ifMatch: string, calls: NetworkLoadBalancerCalls): FoundBalancer {
  return {
    actual: actualOf(wire),
    apply: async (step) => (await applied(step, wire, ifMatch, calls)).opcWorkRequestId,
  };
}

function actualOf(wire: Wire): ActualLoadBalancer {
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
    freeformTags: wire.freeformTags ?? {},
  };
}

const FAMILIES: Readonly<Record<string, IPFamily>> = { IPV4: 'IPv4', IPV6: 'IPv6' };
const familyOf = (version: string | undefined): IPFamily => FAMILIES[version ?? ''] ?? 'IPv4';
const versionOf = (family: IPFamily | undefined) => (family === 'IPv6' ? 'IPV6' : 'IPV4');

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

function createDetails(
  desired: DesiredLoadBalancer,
  compartmentId: string,
  reservedIp: string | undefined,
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
function listenerDetails({ backendSet, family, port, protocol, proxyProtocol }: Listener, was?: WireListener) {
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
function backendSetDetails(set: DesiredBackendSet, was?: WireBackendSet) {
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

function applied(
  step: Step,
  wire: Wire,
  ifMatch: string,
  calls: NetworkLoadBalancerCalls,
): Promise<{ readonly opcWorkRequestId: string }> {
  const on = { networkLoadBalancerId: wire.id, ifMatch };
  switch (step.kind) {
    case 'create-backend-set': {
      const { name } = step.backendSet;
      return calls.createBackendSet({
        ...on,
        createBackendSetDetails: { name, ...backendSetDetails(step.backendSet) },
      });
    }
    case 'update-backend-set': {
      const { name } = step.backendSet;
      const updateBackendSetDetails = backendSetDetails(step.backendSet, wire.backendSets?.[name]);
      return calls.updateBackendSet({ ...on, backendSetName: name, updateBackendSetDetails });
    }
    case 'delete-backend-set':
      return calls.deleteBackendSet({ ...on, backendSetName: step.name });
    case 'create-listener': {
      const { name } = step.listener;
      return calls.createListener({ ...on, createListenerDetails: { name, ...listenerDetails(step.listener) } });
    }
    case 'update-listener': {
      const { name } = step.listener;
      const updateListenerDetails = listenerDetails(step.listener, wire.listeners?.[name]);
      return calls.updateListener({ ...on, listenerName: name, updateListenerDetails });
    }
    case 'delete-listener':
      return calls.deleteListener({ ...on, listenerName: step.name });
    case 'update-groups': {
      const updateNetworkSecurityGroupsDetails = { networkSecurityGroupIds: step.groups };
      return calls.updateNetworkSecurityGroups({ ...on, updateNetworkSecurityGroupsDetails });
    }
    case 'update-ip-version': {
      const updateNetworkLoadBalancerDetails = { nlbIpVersion: step.ipVersion };
      return calls.updateNetworkLoadBalancer({ ...on, updateNetworkLoadBalancerDetails });
    }
    case 'update-tags': {
      const updateNetworkLoadBalancerDetails = { freeformTags: step.freeform };
      return calls.updateNetworkLoadBalancer({ ...on, updateNetworkLoadBalancerDetails });
    }
    case 'update-shape':
      throw new TypeError('a network load balancer has no shape');
  }
}
