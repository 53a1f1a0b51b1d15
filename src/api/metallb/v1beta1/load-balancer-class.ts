/** Which Services' addresses are our business: to give, and to announce. Pure. */
import type { Service } from '../../core/v1/service.ts';
import type { MetalLB } from './metallb.ts';

/** The class of load balancers that is always ours. */
export const LOAD_BALANCER_CLASS = 'postern.dev/load-balancer';

/**
 * Whether a load balancer is ours to serve. Without a loadBalancerClass of the MetalLB object those Services are that name
 * no class; with one, as with MetalLB's `--lb-class`, only those that name it. Other classes are others' to serve.
 * https://kubernetes.io/docs/concepts/services-networking/service/#load-balancer-class
 */
export function isOurLoadBalancer({ spec }: Service, metallb: MetalLB | undefined): boolean {
  if (spec?.type !== 'LoadBalancer') return false;
  const { loadBalancerClass } = spec;
  if (loadBalancerClass === LOAD_BALANCER_CLASS) return true;
  const wanted = metallb?.spec?.loadBalancerClass;
  return (loadBalancerClass ?? '') === (wanted ?? '');
}
