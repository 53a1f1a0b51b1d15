/** Who serves which Service of type LoadBalancer: one provider, or nobody. Pure. */
import type { Service } from '../../api/core/v1/service.ts';
import type { LoadBalancerProvider } from './provider.ts';

/** The built-in provider: addresses out of pools, announced on the LAN. */
export const LAYER2 = 'layer2';

/** Which Services somebody serves. */
export type Claim = Pick<LoadBalancerProvider, 'name' | 'takes'>;

/** Whether a Service of type LoadBalancer names one of these classes; or none, where the provider is that of those that name none. */
export function claims(
  { spec }: Service,
  { classes, isDefault }: { readonly classes: readonly string[]; readonly isDefault: boolean },
): boolean {
  if (spec?.type !== 'LoadBalancer') return false;
  const { loadBalancerClass = '' } = spec;
  return loadBalancerClass === '' ? isDefault : classes.includes(loadBalancerClass);
}

/** Services without a class that are nobody's: others in the cluster serve them. */
export const NOBODY: Claim = {
  name: 'nobody',
  takes: (service) => claims(service, { classes: [], isDefault: true }),
};

/**
 * What is wrong with providers that are to work side by side; undefined: nothing. `classes` are those that are known to be some
 * provider's.
 */
export function claimMistake(providers: readonly Claim[], classes: readonly string[]): string | undefined {
  const names = providers.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `two providers of load balancers are named ${twice}: give each another name`;
  for (const loadBalancerClass of [undefined, ...classes]) {
    const takers = providers.filter(({ takes }) => takes(sample(loadBalancerClass))).map(({ name }) => name);
    if (takers.length < 2) continue;
    const which = loadBalancerClass === undefined ? 'without a loadBalancerClass' : `of class ${loadBalancerClass}`;
    return `${takers.join(' and ')} would both serve Services ${which}: only one can`;
  }
  return undefined;
}

function sample(loadBalancerClass: string | undefined): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'sample', namespace: 'default' },
    spec: { type: 'LoadBalancer', ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }) },
  };
}
