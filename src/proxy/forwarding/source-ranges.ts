/**
 * Who may use a load balancer's address. `spec.loadBalancerSourceRanges` of a Service:
 * https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceSpec
 */
import { type CIDR, type IPFamily, parseCIDR, printCIDR, widestCIDRs } from '../../lib/ip.ts';

/**
 * The ranges of a family, sorted, without those within others: the kernel takes no element that another covers.
 * Undefined: everyone may. Ranges of the other family alone, or none that can be read, let nobody in: whoever lists
 * clients means no one else. (kube-proxy would leave the family without ranges open to all.)
 */
export function allowedSources(ranges: readonly string[], family: IPFamily): readonly string[] | undefined {
  if (ranges.length === 0) return undefined;
  const ours = ranges
    .map((range) => parseCIDR(range.trim()))
    .filter((cidr): cidr is CIDR => cidr?.base.family === family);
  return widestCIDRs(ours).map(printCIDR);
}
