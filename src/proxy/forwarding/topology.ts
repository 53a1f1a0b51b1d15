/**
 * Endpoints that are meant for this node: what `spec.trafficDistribution` becomes once the EndpointSlice controller has
 * turned it into hints. https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-distribution
 */
import type { Endpoint } from '../../api/discovery/v1/endpointslice.ts';

/** The label of a Node that says where it is. */
export const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** This node, and where it is, if anybody said. */
export interface ThisNode {
  readonly name: string;
  readonly zone?: string | undefined;
}

/** For which nodes and zones an endpoint is meant; none: it does not say. */
export interface Hints {
  readonly nodes: readonly string[];
  readonly zones: readonly string[];
}

export function hintsOf({ hints }: Endpoint): Hints {
  const names = (list: readonly { readonly name: string }[] = []) => list.map(({ name }) => name);
  return { nodes: names(hints?.forNodes), zones: names(hints?.forZones) };
}

/**
 * Those among the ready endpoints of a Service port that connections from this node go to: those meant for this node; where
 * there is none, for its zone; where there is none either, all of them. Hints count only if every endpoint has them, as
 * slices may have been written before others' were known. Policy Local knows no hints.
 */
export function meantFor<T extends Hints>(ready: readonly T[], { name, zone = '' }: ThisNode): readonly T[] {
  const byNode = ready.filter(({ nodes }) => nodes.includes(name));
  if (byNode.length > 0 && ready.every(({ nodes }) => nodes.length > 0)) return byNode;
  const byZone = ready.filter(({ zones }) => zones.includes(zone));
  if (byZone.length > 0 && ready.every(({ zones }) => zones.length > 0)) return byZone;
  return ready;
}
