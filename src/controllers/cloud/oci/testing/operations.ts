import { loadBalancerOperations } from './load-balancer/load-balancer.ts';
import { networkOperations } from './network/network.ts';
import { networkLoadBalancerOperations } from './network-load-balancer/network-load-balancer.ts';
import type { Operation } from './operation.ts';

/** All calls that this cloud answers: those of OciCalls. */
export const operations: readonly Operation[] = [
  ...networkOperations,
  ...loadBalancerOperations,
  ...networkLoadBalancerOperations,
];
