/** Which subnets a load balancer goes in, and which families those have. */
import type { IPFamily } from '../../../../lib/ip.ts';
import type { LoadBalancerRequest } from '../request.ts';
import type { SubnetFacts, SubnetReader } from '../subnets.ts';
import type { Place } from './desired.ts';

/** What of a subnet counts here. */
type Facts = Pick<SubnetFacts, 'id' | 'regional' | 'families'>;

/**
 * A regional subnet goes alone, and before those of the configuration one that the Service names. Without a regional one there are
 * two, of different availability domains, for a public load balancer, and one for an internal or network load balancer.
 */
export function chooseSubnets(
  { type, internal, subnets }: Pick<LoadBalancerRequest, 'type' | 'internal' | 'subnets'>,
  facts: readonly Facts[],
): Place {
  const isRegional = (id: string) => facts.some((subnet) => subnet.id === id && subnet.regional);
  const regional = subnets.filter(({ id }) => isRegional(id));
  const alone = regional.find(({ annotated }) => annotated) ?? regional[0];
  const needed = internal || type === 'nlb' ? subnets.slice(0, 1) : subnets;
  return placeOf(
    (alone === undefined ? needed : [alone]).map(({ id }) => id),
    facts,
  );
}

export function placeOf(subnets: readonly string[], facts: readonly Facts[]): Place {
  const inEach = (family: IPFamily) =>
    subnets.every((id) => facts.some((subnet) => subnet.id === id && subnet.families.includes(family)));
  return { subnets, families: (['IPv4', 'IPv6'] as const).filter(inEach) };
}

/** Where a load balancer is, or is to be. Rejects with an OciError. */
export async function placeFor(
  request: Pick<LoadBalancerRequest, 'type' | 'internal' | 'subnets'>,
  actual: readonly string[] | undefined,
  read: SubnetReader,
): Promise<Place> {
  if (actual !== undefined) return placeOf(actual, await Promise.all(actual.map(read)));
  return chooseSubnets(request, await Promise.all(request.subnets.map(({ id }) => read(id))));
}
