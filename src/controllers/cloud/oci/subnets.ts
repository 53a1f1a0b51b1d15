/** What is known of subnets: where load balancers and nodes stand, and whose rules let them be reached. */
import type { Clock } from '../../../host/clock.ts';
import { type IPFamily, parseCIDR } from '../../../lib/ip.ts';
import type { NetworkCalls } from './calls.ts';

export interface SubnetFacts {
  /** OCIDs. */
  readonly id: string;
  readonly compartment: string;
  readonly vcn: string;
  /** In all availability domains, rather than in one. */
  readonly regional: boolean;
  /** Of both families. */
  readonly prefixes: readonly string[];
  /** Those that it has prefixes of. */
  readonly families: readonly IPFamily[];
  /** OCIDs of its security lists. */
  readonly lists: readonly string[];
}

/** Resolves with what is known of a subnet. Rejects with an OciError. */
export type SubnetReader = (id: string) => Promise<SubnetFacts>;

/** For how long a subnet is taken for what it was, in milliseconds: its lists may be exchanged, and prefixes of a family may come. */
const FRESH = 60_000;
const MOST_KEPT = 1000;

/** Remembers for a minute what it has read; who asks meanwhile waits for the same answer. */
export function subnetReader(network: Pick<NetworkCalls, 'getSubnet'>, clock: Clock): SubnetReader {
  const kept = new Map<string, { readonly at: number; readonly facts: Promise<SubnetFacts> }>();
  return (id) => {
    const now = clock.steady();
    const known = kept.get(id);
    if (known !== undefined && now - known.at < FRESH) return known.facts;
    const facts = network.getSubnet({ subnetId: id }).then(({ subnet }) => factsOf(subnet));
    const entry = { at: now, facts };
    kept.delete(id);
    kept.set(id, entry);
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    facts.catch(() => {
      if (kept.get(id) === entry) kept.delete(id);
    });
    return facts;
  };
}

type Subnet = Awaited<ReturnType<NetworkCalls['getSubnet']>>['subnet'];

function factsOf(subnet: Subnet): SubnetFacts {
  const { cidrBlock, ipv4CidrBlocks, ipv6CidrBlock, ipv6CidrBlocks } = subnet;
  const all = [cidrBlock, ipv6CidrBlock, ...(ipv4CidrBlocks ?? []), ...(ipv6CidrBlocks ?? [])];
  const familyOf = (prefix: string) => parseCIDR(prefix)?.base.family;
  // A subnet of IPv6 alone has the text `<null>` as its IPv4 prefix.
  const prefixes = [...new Set(all.flatMap((prefix) => (familyOf(prefix ?? '') === undefined ? [] : (prefix ?? []))))];
  return {
    id: subnet.id,
    compartment: subnet.compartmentId,
    vcn: subnet.vcnId,
    regional: subnet.availabilityDomain === undefined,
    prefixes,
    families: (['IPv4', 'IPv6'] as const).filter((family) => prefixes.some((prefix) => familyOf(prefix) === family)),
    lists: subnet.securityListIds ?? [],
  };
}
