/** What the proxy knows of its node and of the cluster around it, and does not change while it runs. */
import {
  type CIDR,
  cidrContains,
  IP_FAMILIES,
  type IPAddress,
  type IPFamily,
  mustParseIP,
  printCIDR,
} from '../lib/ip.ts';

/** How packets of this node's own pods are told from others: by where they come from, or through. */
export type LocalPods =
  /** From one of these prefixes, as text. With none, nobody is a pod of this node. */
  | { readonly kind: 'prefixes'; readonly cidrs: readonly string[] }
  /** Through this interface, such as the bridge that pods are ports of. */
  | { readonly kind: 'bridge'; readonly name: string }
  /** Through an interface whose name begins so. */
  | { readonly kind: 'interface-prefix'; readonly prefix: string };

/** Who is inside, for one address family. */
export interface Locality {
  readonly localPods: LocalPods;
  /** Prefixes of all the cluster's pods, as text. With none, nobody but this node's own pods is known to be one. */
  readonly clusterCIDRs: readonly string[];
  /** Replace the source address of all connections to Services, but for those that policy Local leaves theirs. */
  readonly masqueradeAll: boolean;
  /**
   * Node ports are served on 127.0.0.1 as well, for programs on the node itself; never for IPv6, whose kernel lets nothing
   * leave that came from ::1. It needs `net.ipv4.conf.all.route_localnet`, and with it rules that keep loopback
   * addresses from the wire: those are the mode's to make. The address is one of the node's: {@link nodePortAddresses}.
   */
  readonly localhostNodePorts: boolean;
}

/** One locality for each family that is served. */
export type Localities = ReadonlyMap<IPFamily, Locality>;

export interface LocalityOptions {
  /** This node's pods. */
  readonly podCIDRs: readonly CIDR[];
  /** All the cluster's pods. */
  readonly clusterCIDRs: readonly CIDR[];
  /** Families that are served besides those of these prefixes. */
  readonly alsoServed?: readonly IPFamily[];
  /** The interface by which this node's pods are known. Default: by `podCIDRs`. */
  readonly localPods?: Exclude<LocalPods, { readonly kind: 'prefixes' }>;
  /** Default: false. */
  readonly masqueradeAll?: boolean;
  /** Default: false. */
  readonly localhostNodePorts?: boolean;
}

/** Whether the text can be the name of an interface, or its beginning: what the kernel allows, without what patterns use. */
export const isInterfaceName = (text: string): boolean =>
  /^[^\s/"*]{1,15}$/.test(text) && text !== '.' && text !== '..';

/** The families of the prefixes, and those named, are those that are served; where there are none, both are. */
export function localitiesOf(options: LocalityOptions): Localities {
  const { podCIDRs, clusterCIDRs, alsoServed = [], localPods } = options;
  const { masqueradeAll = false, localhostNodePorts = false } = options;
  const texts = (cidrs: readonly CIDR[], family: IPFamily) =>
    cidrs.filter(({ base }) => base.family === family).map(printCIDR);
  const known = new Set([...[...clusterCIDRs, ...podCIDRs].map(({ base }) => base.family), ...alsoServed]);
  const families = IP_FAMILIES.filter((family) => known.size === 0 || known.has(family));
  const locality = (family: IPFamily): Locality => ({
    localPods: localPods ?? { kind: 'prefixes', cidrs: texts(podCIDRs, family) },
    clusterCIDRs: texts(clusterCIDRs, family),
    masqueradeAll,
    localhostNodePorts: localhostNodePorts && family === 'IPv4',
  });
  return new Map(families.map((family) => [family, locality(family)]));
}

/**
 * Where node ports are served: at the addresses of the node's interfaces that lie within these prefixes; with none
 * given, at the node's primary addresses. And at 127.0.0.1, if asked.
 * https://kubernetes.io/docs/concepts/services-networking/service/#service-nodeport-custom-listen-address
 */
export function nodePortAddresses(options: {
  readonly within: readonly CIDR[];
  readonly primary: readonly IPAddress[];
  /** All addresses of the node's interfaces; those of loopback are left out. */
  readonly own: () => readonly IPAddress[];
  readonly localhost: boolean;
}): readonly IPAddress[] {
  const { within, primary, own, localhost } = options;
  const isServed = (ip: IPAddress) => !isLoopback(ip) && within.some((cidr) => cidrContains(cidr, ip));
  const served = within.length === 0 ? primary : own().filter(isServed);
  return localhost ? [...served, LOCALHOST] : served;
}

const LOCALHOST = mustParseIP('127.0.0.1');

/** RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3. */
function isLoopback({ family, value }: IPAddress): boolean {
  return family === 'IPv4' ? value >> 24n === 127n : value === 1n;
}
