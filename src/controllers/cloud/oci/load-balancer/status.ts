/** The addresses of a load balancer, as the status of its Service has them. Pure. */
import type { LoadBalancerIngress } from '../../../../api/core/v1/service.ts';
import { familyOf } from '../../../../lib/ip.ts';
import type { LoadBalancerRequest } from '../request.ts';
import type { ActualLoadBalancer } from './model.ts';

/** Public addresses first, and those of the Service's first family before the others. */
export function ingressOf(
  { families, externalOnly, ipMode }: Pick<LoadBalancerRequest, 'families' | 'externalOnly' | 'ipMode'>,
  { addresses }: Pick<ActualLoadBalancer, 'addresses'>,
): readonly LoadBalancerIngress[] {
  const rank = (address: string) => {
    const family = familyOf(address);
    const at = family === undefined ? -1 : families.indexOf(family);
    return at < 0 ? families.length : at;
  };
  return addresses
    .filter(({ isPublic }) => isPublic || !externalOnly)
    .toSorted((a, b) => Number(b.isPublic) - Number(a.isPublic) || rank(a.address) - rank(b.address))
    .map(({ address }) => ({ ip: address, ...(ipMode === undefined ? {} : { ipMode }) }));
}
