/** Which routes lead to the guests of the other nodes. */
import type { Node } from '../../api/core/v1/node.ts';
import { familyOf, parseCIDR, parseIP, printCIDR, printIP } from '../../lib/ip.ts';

/** To a node's pods (`destination`, a CIDR) through that node's address (`via`). */
export interface Route {
  readonly destination: string;
  readonly via: string;
}

/** The routes to one other node, one per family of its pod CIDRs that it has an address of. */
export function desiredRoutes(node: Node): readonly Route[] {
  const gateways = (node.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  const routes: Route[] = [];
  for (const text of node.spec?.podCIDRs ?? []) {
    const cidr = parseCIDR(text);
    const gateway = cidr && gateways.find(({ address }) => familyOf(address) === cidr.base.family);
    const via = gateway && parseIP(gateway.address);
    if (cidr && via) routes.push({ destination: printCIDR(cidr), via: printIP(via) });
  }
  return routes.sort((a, b) => (a.destination < b.destination ? -1 : 1));
}
