/** What this node should announce. Pure: the same objects have the same answer on every node. */
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { type IPAddress, parseIP, printIP } from '../../lib/ip.ts';
import { electAnnouncer } from './election.ts';
import { type AdvertisedPool, type Interfaces, servingNodes } from './eligible.ts';

/** A Service that has the address in question, with its slices. */
export interface Claim {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
}

/** An address that a node announces. */
export interface Announcement {
  readonly ip: IPAddress;
  readonly interfaces: Interfaces;
  /** Keys of the Services whose address it is, sorted. */
  readonly services: readonly string[];
}

/** Load balancer addresses of a Service, in canonical text: the keys of everything here. */
export function announcedAddresses(service: Service): readonly string[] {
  if (service.spec?.type !== 'LoadBalancer') return [];
  return (service.status?.loadBalancer?.ingress ?? [])
    .filter(({ ipMode }) => ipMode !== 'Proxy')
    .map(({ ip }) => parseIP(ip ?? ''))
    .filter((ip) => ip !== undefined)
    .map(printIP);
}

/** What `nodeName` does about one address; undefined when it is not for this node to announce. */
export function desiredAnnouncement(
  nodeName: string,
  ip: IPAddress,
  claims: readonly Claim[],
  pools: readonly AdvertisedPool[],
): Announcement | undefined {
  const pool = pools.find((candidate) => candidate.contains(ip));
  if (pool === undefined || !pool.nodes.has(nodeName)) return undefined;
  const sorted = claims.map((claim) => ({ ...claim, key: keyText(keyOf(claim.service)) })).sort(byKey);
  const nodes = commonNodes(
    sorted.map(({ service, slices }) => servingNodes(service, slices, ip.family, pool.nodes.keys())),
  );
  if (electAnnouncer(printIP(ip), nodes) !== nodeName) return undefined;
  return { ip, interfaces: pool.nodes.get(nodeName), services: sorted.map(({ key }) => key) };
}

/**
 * Services that share an address must be announced by one node: one that serves all of them that can be served. Where
 * no node does, the first Service decides, so that at least it works.
 */
function commonNodes(perService: readonly (readonly string[])[]): readonly string[] {
  const [first = [], ...others] = perService.filter((nodes) => nodes.length > 0);
  const common = first.filter((node) => others.every((nodes) => nodes.includes(node)));
  return common.length > 0 ? common : first;
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
