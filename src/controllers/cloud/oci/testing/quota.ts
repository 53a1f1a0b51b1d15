/** How many load balancers there may be. */
import type { Cloud } from './cloud.ts';
import { limitExceeded, quotaExceeded } from './failure.ts';

const counts = ({ lifecycleState }: { readonly lifecycleState: string }) => lifecycleState !== 'DELETED';

export function checkRoom(cloud: Cloud, kind: 'loadBalancers' | 'networkLoadBalancers'): void {
  const there = { lb: cloud.loadBalancers.all().filter(counts), nlb: cloud.networkLoadBalancers.all().filter(counts) };
  const count = kind === 'loadBalancers' ? there.lb.length : there.nlb.length;
  if (count >= cloud.limits[kind])
    throw limitExceeded(`There are ${count} ${kind}; there may be ${cloud.limits[kind]}.`);
  if (cloud.quota !== undefined && there.lb.length + there.nlb.length >= cloud.quota) {
    throw quotaExceeded(`The compartment's quota is ${cloud.quota} load balancers.`);
  }
}
