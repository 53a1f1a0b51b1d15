/** What this node forwards for a Service, from the Service and its EndpointSlices: the same objects, the same answer. */
import { isLeftAlone, isPort, transportOf } from '../../api/core/v1/service.forwarding.ts';
import type { Service, ServicePort } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { type IPFamily, parseIP, printIP } from '../../lib/ip.ts';
import { canBeEntrance } from '../../lib/special-addresses.ts';
import type { TransportProtocol } from '../../netfilter/model.ts';
import { desiredHealthCheck } from '../health/desired.ts';
import { type UsableEndpoints, usableEndpoints } from './endpoints.ts';
import { type Entrance, type Forwarding, type Frontend, frontendKey } from './forwarding.ts';
import { allowedSources } from './source-ranges.ts';
import type { ThisNode } from './topology.ts';

/** Seconds: what the API defaults to, and the longest it takes. */
const DEFAULT_AFFINITY = 10_800;
const MAX_AFFINITY = 86_400;

/** One port of a Service in one family, with both choices of endpoints. */
interface Port extends UsableEndpoints {
  readonly family: IPFamily;
  readonly spec: ServicePort;
  readonly protocol: TransportProtocol;
}

/** Undefined when this node forwards nothing for the Service: headless, by external name, or another proxy's. */
export function desiredForwarding(
  service: Service,
  slices: readonly EndpointSlice[],
  node: ThisNode,
): Forwarding | undefined {
  const clusterIPs = virtualIPs(service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? '']);
  if (clusterIPs.length === 0 || service.spec?.type === 'ExternalName') return undefined;
  if (isLeftAlone(service)) return undefined;
  const ours = slices.filter((slice) => !isLeftAlone(slice));
  const frontends = new Map<string, Frontend>();
  const ports: Port[] = [];
  for (const { family } of clusterIPs) {
    for (const spec of service.spec?.ports ?? []) {
      const protocol = transportOf(spec);
      if (protocol === undefined || !isPort(spec.port)) continue;
      const port = { family, spec, protocol, ...endpointsOf(spec, ours, family, node) };
      ports.push(port);
      const draining = port.protocol === 'udp' && port.draining.length > 0 ? { draining: port.draining } : {};
      for (const frontend of portFrontends(service, port)) {
        frontends.set(frontendKey(frontend), { ...frontend, ...draining });
      }
    }
  }
  const own = [...clusterIPs, ...loadBalancerIPs(service)].map(({ ip }) => ip);
  const healthCheck = desiredHealthCheck(service, ports);
  const omitted = ports.reduce((most, port) => Math.max(most, port.omitted), 0);
  return {
    ...{ frontends, virtualAddresses: [...new Set(own)].sort(), rank: rank(service) },
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(omitted === 0 ? {} : { omitted }),
  };
}

function portFrontends(service: Service, port: Port): Frontend[] {
  const inFamily = (ips: readonly VirtualIP[]) => ips.filter(({ family }) => family === port.family);
  const clusterIPs = inFamily(virtualIPs(service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? '']));
  const loadBalancer = inFamily(loadBalancerIPs(service));
  const sources = allowedSources(service.spec?.loadBalancerSourceRanges ?? [], port.family);
  const limited = sources === undefined ? {} : { sources };
  const external = (ip: string) => externalFrontends(service, port, { kind: 'address', ip }, port.spec.port);
  const { nodePort } = port.spec;
  const frontends = [
    ...clusterIPs.map(({ ip }) => internalFrontend(service, port, ip)),
    ...inFamily(virtualIPs(service.spec?.externalIPs ?? [])).flatMap(({ ip }) => external(ip)),
    // Last, so that an address that is an external IP too is limited.
    ...loadBalancer.flatMap(({ ip }) => external(ip).map((frontend) => ({ ...frontend, ...limited }))),
    ...(isPort(nodePort) ? externalFrontends(service, port, { kind: 'node-port' }, nodePort) : []),
  ];
  const affinity = affinityOf(service);
  return affinity === undefined ? frontends : frontends.map((frontend) => ({ ...frontend, affinity }));
}

/** https://kubernetes.io/docs/reference/networking/virtual-ips/#session-affinity */
function affinityOf({ spec }: Service): number | undefined {
  if (spec?.sessionAffinity !== 'ClientIP') return undefined;
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY;
  return Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, MAX_AFFINITY) : DEFAULT_AFFINITY;
}

/** https://kubernetes.io/docs/reference/networking/virtual-ips/#internal-traffic-policy */
function internalFrontend(service: Service, port: Port, ip: string): Frontend {
  const { family, protocol, spec } = port;
  const local = service.spec?.internalTrafficPolicy === 'Local';
  return {
    ...{ family, protocol, port: spec.port, audience: 'anyone', entrance: { kind: 'address', ip } },
    endpoints: local ? port.local : port.all,
    masquerade: 'outsiders',
    unavailable: local && port.all.length > 0 ? 'discard' : 'refuse',
  };
}

/**
 * https://kubernetes.io/docs/reference/networking/virtual-ips/#external-traffic-policy: with Local, connections from
 * outside go to this node's endpoints or nowhere, and those from inside the cluster to any.
 */
function externalFrontends(service: Service, port: Port, entrance: Entrance, number: number): Frontend[] {
  const { family, protocol } = port;
  const common = { family, protocol, port: number, entrance } as const;
  if (service.spec?.externalTrafficPolicy !== 'Local') {
    const all = { endpoints: port.all, masquerade: 'strangers', unavailable: 'refuse' } as const;
    return [{ ...common, audience: 'anyone', ...all }];
  }
  const unavailable = port.all.length > 0 ? 'discard' : 'refuse';
  return [
    { ...common, audience: 'anyone', endpoints: port.local, masquerade: 'node', unavailable },
    { ...common, audience: 'insiders', endpoints: port.all, masquerade: 'node', unavailable: 'refuse' },
  ];
}

function endpointsOf(
  { name = '', protocol = 'TCP' }: ServicePort,
  slices: readonly EndpointSlice[],
  family: IPFamily,
  node: ThisNode,
): UsableEndpoints {
  return usableEndpoints(slices, { name, protocol }, { family, node });
}

interface VirtualIP {
  readonly family: IPFamily;
  readonly ip: string;
}

/** The addresses among these texts; `None` and what can be no Service's are left out. */
function virtualIPs(texts: readonly string[]): VirtualIP[] {
  return texts.flatMap((text) => {
    const ip = parseIP(text);
    return ip === undefined || !canBeEntrance(ip) ? [] : [{ family: ip.family, ip: printIP(ip) }];
  });
}

/** Those that are served here: with ipMode Proxy, connections reach the nodes by other addresses. */
function loadBalancerIPs(service: Service): VirtualIP[] {
  if (service.spec?.type !== 'LoadBalancer') return [];
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return virtualIPs(ingress.filter(({ ipMode }) => ipMode !== 'Proxy').map(({ ip }) => ip ?? ''));
}

/** Orders Services by age, then by name. */
function rank(service: Service): string {
  const { creationTimestamp = '', namespace = '', name = '' } = service.metadata;
  return `${creationTimestamp} ${namespace}/${name}`;
}
