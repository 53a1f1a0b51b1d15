/** What there is in the cloud that a cluster has to take away again. */
import type { OciServer } from '../../../src/controllers/cloud/oci/testing/server.ts';

/** Everything that costs money, and what is made beside it. */
export function made({ state }: OciServer) {
  const { loadBalancers, networkLoadBalancers, networkSecurityGroups } = state;
  return [
    ...[...loadBalancers.all(), ...networkLoadBalancers.all()].filter((each) => each.lifecycleState !== 'DELETED'),
    ...networkSecurityGroups.all().filter((each) => each.lifecycleState !== 'TERMINATED'),
  ];
}

/** Load balancers of a Service, by its UID. */
export function balancersOf({ state }: OciServer, uid: string) {
  const all = [...state.loadBalancers.all(), ...state.networkLoadBalancers.all()];
  return all.filter((each) => each.lifecycleState !== 'DELETED' && each.displayName?.includes(uid));
}

/** All rules of all security lists. */
export function rules({ state }: OciServer) {
  return state.securityLists
    .all()
    .map(({ id, ingressSecurityRules, egressSecurityRules }) => ({ id, ingressSecurityRules, egressSecurityRules }));
}

/** Looks every 50 ms until there is something; fails after 20 seconds. */
export async function eventually<T>(look: () => Promise<T | undefined>, what: () => string): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not come about within 20 seconds: ${what()}`);
}
