/** What the proxy knows of its node and of the cluster around it, and does not change while it runs. */
import { type CIDR, IP_FAMILIES, type IPFamily, printCIDR } from '../lib/ip.ts';

/** Who is inside, for one address family. */
export interface Locality {
  /** Prefixes of this node's pods, as text. */
  readonly podCIDRs: readonly string[];
  /** Prefixes of all the cluster's pods, as text. */
  readonly clusterCIDRs: readonly string[];
}

/** One locality for each family that is served. */
export type Localities = ReadonlyMap<IPFamily, Locality>;

/** The families of the prefixes are those that are served; with no prefixes, both are. */
export function localitiesOf(options: {
  readonly podCIDRs: readonly CIDR[];
  readonly clusterCIDRs: readonly CIDR[];
}): Localities {
  const { podCIDRs, clusterCIDRs } = options;
  const texts = (cidrs: readonly CIDR[], family: IPFamily) =>
    cidrs.filter(({ base }) => base.family === family).map(printCIDR);
  const known = new Set([...clusterCIDRs, ...podCIDRs].map(({ base }) => base.family));
  const families = IP_FAMILIES.filter((family) => known.size === 0 || known.has(family));
  return new Map(
    families.map((family) => [
      family,
      { podCIDRs: texts(podCIDRs, family), clusterCIDRs: texts(clusterCIDRs, family) },
    ]),
  );
}
