/** Which nodes may announce an address of a Service, and on which interfaces. Pure. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { advertises, isForNode, isNodeEligible } from '../../api/metallb/v1beta1/announcers.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { parseAddressRange, rangeContains } from '../../lib/address-range.ts';
import type { IPAddress, IPFamily } from '../../lib/ip.ts';

/** Interfaces to announce on; undefined means every one that the node announces on by default. */
export type Interfaces = ReadonlySet<string> | undefined;

/** A pool with everything that its advertisements say about nodes worked out. */
export interface AdvertisedPool {
  contains(ip: IPAddress): boolean;
  /** Nodes that may announce the pool's addresses, if they are healthy, and where. */
  readonly nodes: ReadonlyMap<string, Interfaces>;
}

/** What of a node decides who announces; a heartbeat leaves it as it is. */
export function nodeFacts(node: Node | undefined): string {
  return node === undefined ? '' : JSON.stringify([isNodeEligible(node), node.metadata.labels ?? {}]);
}

/** Joins pools, advertisements and nodes once, so that each address costs only a look-up. */
export function advertisedPools(
  pools: readonly IPAddressPool[],
  advertisements: readonly L2Advertisement[],
  nodes: readonly Node[],
): readonly AdvertisedPool[] {
  const eligible = nodes.filter(isNodeEligible);
  return pools
    .map((pool) => {
      const own = advertisements.filter((advertisement) => advertises(advertisement, pool));
      return { contains: poolMatcher(pool), nodes: announcers(own, eligible) };
    })
    .filter(({ nodes: candidates }) => candidates.size > 0);
}

function announcers(advertisements: readonly L2Advertisement[], nodes: readonly Node[]): Map<string, Interfaces> {
  const found = new Map<string, Interfaces>();
  for (const advertisement of advertisements) {
    const { interfaces: listed = [] } = advertisement.spec ?? {};
    const interfaces = listed.length > 0 ? new Set(listed) : undefined;
    for (const node of nodes) {
      if (!isForNode(advertisement, node)) continue;
      const { name = '' } = node.metadata;
      found.set(name, found.has(name) ? union(found.get(name), interfaces) : interfaces);
    }
  }
  return found;
}

/** Two advertisements of one pool add up. */
function union(a: Interfaces, b: Interfaces): Interfaces {
  return a === undefined || b === undefined ? undefined : a.union(b);
}

function poolMatcher({ spec }: IPAddressPool): (ip: IPAddress) => boolean {
  const ranges = spec.addresses.map(parseAddressRange).filter((range) => range !== undefined);
  return (ip) => ranges.some((range) => rangeContains(range, ip));
}

/**
 * The nodes of a pool that can serve a Service's traffic of a family: all of them while any endpoint is there, with
 * externalTrafficPolicy Local only those that have one themselves.
 */
export function servingNodes(
  service: Service,
  slices: readonly EndpointSlice[],
  family: IPFamily,
  candidates: Iterable<string>,
): readonly string[] {
  const local = service.spec?.externalTrafficPolicy === 'Local';
  const serving = new Set<string>();
  let any = false;
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const { conditions, nodeName } of slice.endpoints) {
      // One that is terminating still serves while there is nothing better: KEP-1669.
      if (conditions?.ready === false && conditions.serving !== true) continue;
      any = true;
      if (nodeName !== undefined) serving.add(nodeName);
    }
  }
  if (!any) return [];
  return [...candidates].filter((node) => !local || serving.has(node));
}
