/** OCI's load balancers: https://docs.oracle.com/en-us/iaas/api/#/en/loadbalancer/20170115/ */
import type { models } from 'oci-loadbalancer';
import { isNotFound, type LoadBalancerCalls, type Plain } from '../calls.ts';
import { allPages } from '../pages.ts';
import type { Shape } from '../request.ts';
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

type Wire = Plain<models.LoadBalancer>;
type WireBackendSet = Plain<models.BackendSet>;
type WireListener = Plain<models.Listener>;

/** As OCI's controller has it. */
const DEFAULT_SHAPE: Shape = { name: '100Mbps' };

/** OCI's own idle timeouts in seconds: a version of the PROXY protocol goes with one. */
const IDLE_TIMEOUT: Readonly<Record<string, number>> = { HTTP: 60 };
const TCP_IDLE_TIMEOUT = 300;

export function loadBalancers(calls: LoadBalancerCalls, compartmentId: string): Balancers {
  return {
    type: 'lb',
    list: async (name) => {
      const of = { compartmentId, ...(name === undefined ? {} : { displayName: name }) };
      const items = await allPages((page) => calls.listLoadBalancers({ ...of, ...page }));
      return items.map(summaryOf);
    },
    read: async (id) => {
      try {
        const { loadBalancer, eTag } = await calls.getLoadBalancer({ loadBalancerId: id });
        return found(loadBalancer, eTag, calls);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    create: async (desired, { reservedIp, token }) => {
      const details = createDetails(desired, compartmentId, reservedIp);
      const answer = await calls.createLoadBalancer({ createLoadBalancerDetails: details, opcRetryToken: token });
      return answer.opcWorkRequestId;
    },
    remove: async (id) => {
      await calls.deleteLoadBalancer({ loadBalancerId: id });
    },
    work: (id) => workOf(calls, id),
  };
}

function summaryOf({ id, displayName, lifecycleState, timeCreated, subnetIds, freeformTags }: Wire): BalancerSummary {
  return {
    id,
    name: displayName,
    state: stateOf(lifecycleState),
    created: timeOf(timeCreated),
    subnets: subnetIds ?? [],
    freeformTags: freeformTags ?? {},
  };
}

async function workOf(calls: LoadBalancerCalls, workRequestId: string): Promise<Work | undefined> {
  try {
    const { workRequest } = await calls.getWorkRequest({ workRequestId });
    const { lifecycleState, loadBalancerId, errorDetails = [], message } = workRequest;
    if (lifecycleState === 'SUCCEEDED') return { kind: 'done', loadBalancer: loadBalancerId };
    if (lifecycleState !== 'FAILED') return { kind: 'running' };
    return { kind: 'failed', why: errorDetails.map((error) => error.message).join('; ') || message };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function found(wire: Wire, ifMatch: string, calls: LoadBalancerCalls): FoundBalancer {
  return {
    actual: actualOf(wire),
    apply: async (step) => (await applied(step, wire, ifMatch, calls)).opcWorkRequestId,
  };
}

function actualOf(wire: Wire): ActualLoadBalancer {
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
    freeformTags: wire.freeformTags ?? {},
  };
}

function actualListener({
  name,
  defaultBackendSetName,
  protocol,
  port,
  connectionConfiguration,
}: WireListener): Listener {
  const { idleTimeout, backendTcpProxyProtocolVersion: version } = connectionConfiguration ?? {};
  return {
    name,
    backendSet: defaultBackendSetName,
    protocol,
    port,
    ...(idleTimeout == null ? {} : { idleTimeout }),
    ...(version === 1 || version === 2 ? { proxyProtocol: version } : {}),
  };
}

function actualBackendSet({ name, policy, healthChecker, backends }: WireBackendSet): BackendSet {
  return { name, policy, health: healthOf(healthChecker), backends: backends.map(backendOf).sort(compareBackends) };
}

function createDetails(
  desired: DesiredLoadBalancer,
  compartmentId: string,
  reservedIp: string | undefined,
): Plain<models.CreateLoadBalancerDetails> {
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
    freeformTags: desired.tags.freeform,
    definedTags: desired.tags.defined,
  };
}

function shapeDetails({ name, minimum, maximum }: Shape) {
  if (minimum === undefined || maximum === undefined) return { shapeName: name };
  return {
    shapeName: name,
    shapeDetails: { minimumBandwidthInMbps: minimum, maximumBandwidthInMbps: maximum },
  };
}

/** `was` is what it is now, with what an administrator may have added. */
function listenerDetails(listener: Listener, was?: WireListener): Plain<models.ListenerDetails> {
  const { hostnameNames, pathRouteSetName, routingPolicyName, ruleSetNames } = was ?? {};
  const configuration = connectionConfiguration(listener, was?.connectionConfiguration);
  return {
    ...tls(was?.sslConfiguration),
    ...present({ hostnameNames, pathRouteSetName, routingPolicyName, ruleSetNames }),
    defaultBackendSetName: listener.backendSet,
    port: listener.port,
    protocol: listener.protocol,
    ...(configuration === undefined ? {} : { connectionConfiguration: configuration }),
  };
}

function connectionConfiguration(
  { idleTimeout, proxyProtocol, protocol }: Listener,
  was: WireListener['connectionConfiguration'],
): WireListener['connectionConfiguration'] {
  if (idleTimeout === undefined && proxyProtocol === undefined) return was;
  return {
    ...was,
    idleTimeout: idleTimeout ?? was?.idleTimeout ?? IDLE_TIMEOUT[protocol] ?? TCP_IDLE_TIMEOUT,
    ...(proxyProtocol ? { backendTcpProxyProtocolVersion: proxyProtocol } : {}),
  };
}

/** Weights, draining and the like stay with the backends that stay. */
function backendSetDetails(set: DesiredBackendSet, was?: WireBackendSet) {
  const { sessionPersistenceConfiguration, lbCookieSessionPersistenceConfiguration, backendMaxConnections } = was ?? {};
  const before = new Map((was?.backends ?? []).map((one) => [`${one.ipAddress} ${one.port}`, one]));
  return {
    ...tls(was?.sslConfiguration),
    ...present({ sessionPersistenceConfiguration, lbCookieSessionPersistenceConfiguration, backendMaxConnections }),
    policy: set.policy,
    healthChecker: checkerOf(set.health),
    backends: set.backends.map(({ address, port }) => {
      const { weight = 1, maxConnections, drain, backup, offline } = before.get(`${address} ${port}`) ?? {};
      return { ipAddress: address, port, weight, ...present({ maxConnections, drain, backup, offline }) };
    }),
  };
}

/** As it is read and as it is written are nearly one. */
function tls(was: WireListener['sslConfiguration']) {
  if (was == null) return {};
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

function applied(
  step: Step,
  wire: Wire,
  ifMatch: string,
  calls: LoadBalancerCalls,
): Promise<{ readonly opcWorkRequestId: string }> {
  const on = { loadBalancerId: wire.id, ifMatch };
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
    case 'update-shape':
      return calls.updateLoadBalancerShape({ ...on, updateLoadBalancerShapeDetails: shapeDetails(step.shape) });
    case 'update-groups': {
      const updateNetworkSecurityGroupsDetails = { networkSecurityGroupIds: step.groups };
      return calls.updateNetworkSecurityGroups({ ...on, updateNetworkSecurityGroupsDetails });
    }
    case 'update-ip-version': {
      const ipMode = step.ipVersion === 'IPV4' ? 'IPV4' : 'IPV6';
      return calls.updateLoadBalancer({ ...on, updateLoadBalancerDetails: { ipMode } });
    }
    case 'update-tags':
      return calls.updateLoadBalancer({ ...on, updateLoadBalancerDetails: { freeformTags: step.freeform } });
  }
}
