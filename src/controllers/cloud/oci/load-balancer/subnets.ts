/** Subnets: which a load balancer goes in, and which families they have. */
import { type IPFamily, parseCIDR } from '../../../../lib/ip.ts';
import type { NetworkCalls } from '../calls.ts';
import type { LoadBalancerRequest } from '../request.ts';
import type { Place } from './desired.ts';

export interface SubnetFacts {
  readonly id: string;
  /** In all availability domains, rather than in one. */
  readonly regional: boolean;
  readonly families: readonly IPFamily[];
}

/** Resolves with what is known of a subnet. Rejects with an OciError. */
export type SubnetReader = (id: string) => Promise<SubnetFacts>;

/** Subnets hardly change: prefixes of a family may come, and nothing else that matters here. */
const FRESH = 10 * 60_000;
const MAX_REMEMBERED = 1000;

/** Remembers what it has read for ten minutes. `now` gives milliseconds. */
export function subnetReader(network: Pick<NetworkCalls, 'getSubnet'>, now: () => number): SubnetReader {
  const remembered = new Map<string, { readonly facts: SubnetFacts; readonly until: number }>();
  return async (id) => {
    const found = remembered.get(id);
    if (found !== undefined && found.until > now()) return found.facts;
    const { subnet } = await network.getSubnet({ subnetId: id });
    const prefixes = [
      subnet.cidrBlock,
      subnet.ipv6CidrBlock,
      ...(subnet.ipv4CidrBlocks ?? []),
      ...(subnet.ipv6CidrBlocks ?? []),
    ];
    // A subnet of IPv6 alone has the text "<null>" as its IPv4 prefix.
    const has = (family: IPFamily) => prefixes.some((prefix) => parseCIDR(prefix ?? '')?.base.family === family);
    const families = (['IPv4', 'IPv6'] as const).filter(has);
    const facts = { id, regional: subnet.availabilityDomain === undefined, families };
    remembered.delete(id);
    remembered.set(id, { facts, until: now() + FRESH });
    for (const old of remembered.keys()) {
      if (remembered.size <= MAX_REMEMBERED) break;
      remembered.delete(old);
    }
    return facts;
  };
}

/**
 * A regional subnet goes alone, and before those of the configuration one that the Service names. Without a regional one there are
 * two, of different availability domains, for a public load balancer, and one for an internal or network load balancer.
 */
export function chooseSubnets(
  { type, internal, subnets }: Pick<LoadBalancerRequest, 'type' | 'internal' | 'subnets'>,
  facts: readonly SubnetFacts[],
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

export function placeOf(subnets: readonly string[], facts: readonly SubnetFacts[]): Place {
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
