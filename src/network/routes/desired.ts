/** How packets get to the pods of another node: pure. Same node and place in, same path out. */
import type { Node } from '../../api/core/v1/node.ts';
import {
  bits,
  type CIDR,
  cidrContains,
  IP_FAMILIES,
  type IPAddress,
  type IPFamily,
  parseCIDR,
  parseIP,
  printCIDR,
  printIP,
} from '../../lib/ip.ts';
import { printMAC } from '../../lib/mac.ts';
import { gatewayOf } from '../bridge.ts';
import { linkLocalOfMAC } from '../link-local.ts';
import { VXLAN_DEVICES, vtepMAC } from '../vxlan/vtep.ts';

/**
 * How nodes send to each other's pods. `auto`: to a node on the same link through its address there, to any other within packets of
 * their own (VXLAN). `direct`: never within others; nodes that are not on the link are left to the routers between. `vxlan`: always.
 */
export type PodNetworkMode = 'auto' | 'direct' | 'vxlan';

/** What the way to another node depends on, of this node. */
export interface Place {
  readonly mode: PodNetworkMode;
  /** This node's addresses on the LAN, one per family at most. */
  readonly addresses: readonly IPAddress[];
  /** The cluster's primary family, which every node knows alike: that of the first of its pod CIDRs. */
  readonly primary: IPFamily;
  /** Prefixes whose addresses are reached without a router. */
  readonly onLink: readonly CIDR[];
}

/** To a prefix of pods (`destination`, canonical) by a neighbour (`via`): on the LAN, or of a VXLAN device. */
export interface Route {
  readonly destination: string;
  readonly via: string;
  /** Name of the VXLAN device; undefined: through the LAN. */
  readonly device?: string;
}

/** The far end of what is sent within packets to one node. */
export interface Tunnel {
  /** Our device. */
  readonly device: string;
  /** Its address on the LAN. */
  readonly address: string;
  readonly mac: string;
  /** Next hops of our routes that have that MAC. */
  readonly neighbours: readonly string[];
  /** Prefixes of its pods: what it may send from. */
  readonly prefixes: readonly string[];
}

/** All of the way to one other node. */
export interface Path {
  readonly routes: readonly Route[];
  readonly tunnel?: Tunnel;
}

export const NO_PATH: Path = { routes: [] };

/** A node's addresses on the LAN, as its Node says. */
export function lanAddresses({ status }: Node): readonly IPAddress[] {
  const internal = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return internal.flatMap(({ address }) => parseIP(address) ?? []);
}

/** A node's prefixes of pods. */
export function podPrefixes({ spec }: Node): readonly CIDR[] {
  return (spec?.podCIDRs ?? []).flatMap((text) => parseCIDR(text) ?? []);
}

/** The way to those prefixes of a node that are its to have; none to prefixes for which there is no way. */
export function desiredPath(node: Node, prefixes: readonly CIDR[], place: Place): Path {
  const theirs = lanAddresses(node);
  const routes: Route[] = [];
  const within: CIDR[] = [];
  for (const cidr of prefixes) {
    const via = theirs.find(({ family }) => family === cidr.base.family);
    if (via !== undefined && place.mode !== 'vxlan' && isOnLink(via, place)) {
      routes.push({ destination: printCIDR(cidr), via: printIP(via) });
    } else if (place.mode !== 'direct') within.push(cidr);
  }
  const tunnel = tunnelTo(theirs, within, place);
  const through = tunnel === undefined ? [] : within.map((cidr) => routeThrough(tunnel, cidr));
  const all = [...routes, ...through].sort((a, b) => (a.destination < b.destination ? -1 : 1));
  return tunnel === undefined ? { routes: all } : { routes: all, tunnel };
}

const isOnLink = (ip: IPAddress, { onLink }: Place): boolean => onLink.some((cidr) => cidrContains(cidr, ip));

/** Both ends choose the same family: the cluster's primary one if both have an address of it, else the other. */
function tunnelTo(theirs: readonly IPAddress[], prefixes: readonly CIDR[], place: Place): Tunnel | undefined {
  const order = [...IP_FAMILIES].sort((a, b) => Number(b === place.primary) - Number(a === place.primary));
  const has = (addresses: readonly IPAddress[], family: IPFamily) => addresses.find((ip) => ip.family === family);
  const family = order.find((one) => has(place.addresses, one) && has(theirs, one));
  const address = family && has(theirs, family);
  if (prefixes.length === 0 || address === undefined) return undefined;
  const mac = vtepMAC(address);
  return {
    device: VXLAN_DEVICES[address.family],
    address: printIP(address),
    mac: printMAC(mac),
    neighbours: prefixes.map((cidr) => nextHop(cidr, mac)),
    prefixes: prefixes.map(printCIDR),
  };
}

function routeThrough({ device, neighbours, prefixes }: Tunnel, cidr: CIDR): Route {
  const destination = printCIDR(cidr);
  return { destination, via: neighbours[prefixes.indexOf(destination)] ?? '', device };
}

/** Of IPv6 the link-local address: the kernel looks up any other, and takes offence at the very route that is replaced. */
const nextHop = (cidr: CIDR, mac: Uint8Array): string =>
  cidr.base.family === 'IPv4' ? gatewayOf(cidr) : printIP(linkLocalOfMAC(mac));

/** A prefix that holds one address, as routes to hosts are printed. */
export const hostPrefix = (ip: IPAddress): string => `${printIP(ip)}/${bits(ip.family)}`;
