/** Layer 2 as a provider of load balancers: addresses out of pools, which nodes announce on the LAN. */
import type { Service } from '../../api/core/v1/service.ts';
import { isOurLoadBalancer } from '../../api/metallb/v1beta1/load-balancer-class.ts';
import type { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { PROVIDER_ANNOTATION } from '../cloud/balancers/marks.ts';
import { type Claim, LAYER2 } from '../cloud/claims.ts';
import type { Ensured, LoadBalancerProvider } from '../cloud/provider.ts';

export interface Layer2Parts {
  /** The settings of the cluster, as they are now. */
  readonly metallb: () => MetalLB | undefined;
  /** What they serve is not layer 2's. */
  readonly others: readonly Claim[];
  readonly serve: (service: Service) => Promise<Ensured>;
  readonly release: (service: Service) => Promise<void>;
}

/**
 * Unlike a cloud it keeps nothing but what the Service says: an address is given by being written there, which `ensure` does
 * itself, and taken away likewise. So it needs no finalizer, and a Service that is gone needs nothing removed.
 */
export function layer2Provider({ metallb, others, serve, release }: Layer2Parts): LoadBalancerProvider {
  return {
    name: LAYER2,
    takes: (service) =>
      isOurLoadBalancer(service, metallb()) && !others.some(({ takes }) => takes(service)) && !isAnothers(service),
    ensure: serve,
    async remove(service) {
      await release(service);
      return 'removed';
    },
  };
}

/** Whether another provider may still have something for it that clients come to. */
function isAnothers({ metadata }: Service): boolean {
  const provider = metadata.annotations?.[PROVIDER_ANNOTATION];
  return provider !== undefined && provider !== LAYER2;
}
