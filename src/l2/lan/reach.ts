/** Where this machine may announce. Pure. */
import type { NetworkLink } from '../../host/link-watch.ts';
import type { ReachFacts } from './messages.ts';

/**
 * Announcements that name no interface go where the node's InternalIPs are. `only`, where it is given, is all there may
 * ever be. An address on an interface without ARP is not one that the kernel answers for: kube-proxy in its mode IPVS keeps
 * every load balancer address on such an interface, on all nodes.
 */
export function reachOf(
  links: Iterable<NetworkLink>,
  internalIPs: readonly string[],
  only: readonly string[] | undefined,
): ReachFacts {
  const all = [...links];
  const holders = all.filter(({ addresses }) => addresses.some((address) => internalIPs.includes(address)));
  return {
    defaults: only ?? holders.map(({ name }) => name).sort(),
    allowed: only,
    own: all.flatMap(({ resolves, addresses }) => (resolves ? addresses : [])).sort(),
  };
}
