/** What nodes say to each other, and is let in from their addresses only. */
import type { Node } from '../../api/core/v1/node.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL } from '../../api/discovery/v1/endpointslice.ts';
import { type CIDR, IP_FAMILIES, type IPAddress, type IPFamily, parseCIDR, parseIP, printIP } from '../../lib/ip.ts';
import type { TransportProtocol } from '../../netfilter/model.ts';
import { CLUSTER, type Opening, type OpeningKind, type PodTraffic } from '../backend.ts';
import { onlyIt, widest } from './sources.ts';

export interface ClusterPlace {
  readonly nodeName: string;
  /** This node's own, in canonical form. */
  readonly addresses: readonly string[];
  /** UDP port of heartbeats; undefined: there are none. */
  readonly heartbeatPort: number | undefined;
  /** UDP port at which nodes of other links send what is for pods here; undefined: none do. */
  readonly vxlanPort?: number | undefined;
  /** Where the node proxy tells whether it is well, and who asks besides the nodes: without them nobody does. */
  readonly proxyHealth?: ProxyHealth;
}

export interface ProxyHealth {
  readonly port: number;
  /** Prefixes of either family, such as those of a cloud's load balancers. */
  readonly from: readonly CIDR[];
}

/** `nodes` are all nodes; `apiSlices` those of the Service default/kubernetes, which say where the API is served. */
export function clusterOpenings(
  nodes: readonly Node[],
  apiSlices: readonly EndpointSlice[],
  { nodeName, addresses, heartbeatPort, vxlanPort, proxyHealth }: ClusterPlace,
): readonly Opening[] {
  const others = nodes.filter(({ metadata }) => metadata.name !== nodeName).flatMap(nodeAddresses);
  const apis = apiSlices.flatMap(servedAt);
  return IP_FAMILIES.flatMap((family) => {
    const nodePrefixes = others.filter((ip) => ip.family === family).map(onlyIt);
    const asking = proxyHealth?.from.filter(({ base }) => base.family === family) ?? [];
    const own = addresses.filter((address) => parseIP(address)?.family === family);
    const open = (
      kind: OpeningKind,
      address: string,
      protocol: TransportProtocol,
      port: number,
    ): readonly Opening[] => {
      const sources = widest(kind === 'proxy-health' ? [...nodePrefixes, ...asking] : nodePrefixes);
      // A cluster of one node has nobody to let in.
      if (sources.length === 0) return [];
      return [{ owner: CLUSTER, kind, family, address, protocol, port, sources, policy: 'managed' }];
    };
    return own.flatMap((address) => [
      ...(heartbeatPort === undefined ? [] : open('heartbeats', address, 'udp', heartbeatPort)),
      ...(vxlanPort === undefined ? [] : open('vxlan', address, 'udp', vxlanPort)),
      ...(proxyHealth === undefined || asking.length === 0
        ? []
        : open('proxy-health', address, 'tcp', proxyHealth.port)),
      ...portsAt(apis, family, address).flatMap((port) => open('api', address, 'tcp', port)),
    ]);
  });
}

/** What a node carries for pods; undefined where it has none of its own. */
export function podTraffic(nodes: readonly Node[], nodeName: string, bridge: string): PodTraffic | undefined {
  const self = nodes.find(({ metadata }) => metadata.name === nodeName);
  if (self === undefined || podCIDRs(self).length === 0) return undefined;
  const others = nodes.filter((node) => node !== self).flatMap(nodeAddresses);
  const pods = nodes.flatMap(podCIDRs);
  return { bridge, pods: widest(pods), peers: widest([...pods, ...others.map(onlyIt)]) };
}

/** A node's prefixes of pods, of which each of its pods has an address. */
export function podCIDRs({ spec }: Node): readonly CIDR[] {
  return (spec?.podCIDRs ?? []).flatMap((text) => parseCIDR(text) ?? []);
}

/** Whether a slice is of the Service by which the API is found. */
export function isOfAPI({ metadata }: EndpointSlice): boolean {
  return metadata.namespace === 'default' && metadata.labels?.[SERVICE_NAME_LABEL] === 'kubernetes';
}

/** A node's addresses on the LAN. */
export function nodeAddresses({ status }: Node): readonly IPAddress[] {
  return (status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .flatMap(({ address }) => parseIP(address) ?? []);
}

interface Served {
  readonly ip: IPAddress;
  readonly port: number;
}

function servedAt({ endpoints = [], ports = [] }: EndpointSlice): readonly Served[] {
  const ips = endpoints.flatMap(({ addresses = [] }) => addresses).flatMap((text) => parseIP(text) ?? []);
  const numbers = ports.flatMap(({ port, protocol = 'TCP' }) => (protocol === 'TCP' && port !== undefined ? port : []));
  return ips.flatMap((ip) => numbers.map((port) => ({ ip, port })));
}

function portsAt(served: readonly Served[], family: IPFamily, address: string): readonly number[] {
  const here = served.filter(({ ip }) => ip.family === family && printIP(ip) === address);
  return [...new Set(here.map(({ port }) => port))].sort((a, b) => a - b);
}
