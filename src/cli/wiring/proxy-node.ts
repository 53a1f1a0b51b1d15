/** What a node proxy needs to know of its node, from the Node object. */
import type { Node } from '../../api/core/v1/node.ts';
import { type CIDR, IP_FAMILIES, type IPAddress, parseCIDR, parseIP } from '../../lib/ip.ts';
import { ZONE_LABEL } from '../../proxy/forwarding/topology.ts';

/**
 * The primary addresses: the first InternalIP of each family, where there is none the first ExternalIP.
 * https://kubernetes.io/docs/reference/node/node-status/#addresses
 */
export function primaryAddresses(node: Node | undefined): readonly IPAddress[] {
  const all = node?.status?.addresses ?? [];
  const ofType = (wanted: string) =>
    all.filter(({ type }) => type === wanted).flatMap(({ address }) => parseIP(address) ?? []);
  const candidates = [...ofType('InternalIP'), ...ofType('ExternalIP')];
  return IP_FAMILIES.flatMap((family) => candidates.find((ip) => ip.family === family) ?? []);
}

/** The prefixes of the node's pods; none while nobody has given it any. */
export function podPrefixes(node: Node | undefined): readonly CIDR[] {
  const { podCIDRs = [], podCIDR = '' } = node?.spec ?? {};
  return (podCIDRs.length > 0 ? podCIDRs : [podCIDR]).flatMap((text) => parseCIDR(text) ?? []);
}

/** The zone that the node is in; undefined when its label does not say. */
export const zoneOf = (node: Node | undefined): string | undefined => node?.metadata.labels?.[ZONE_LABEL];
