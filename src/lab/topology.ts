/**
 * What a lab looks like, as data: servers, nodes and an outside client on a LAN or two, each a place of its own. Each LAN is a
 * bridge in the place `lan`, whose own addresses are everybody's router. Nothing here touches the machine.
 */
import { addIP, type CIDR, type IPAddress, type IPFamily, mustParseCIDR, printCIDR, printIP } from '../lib/ip.ts';
import type { NodeFirewall } from './node-firewall.ts';

/** Where servers keep the objects: each in its own directory, or all in an etcd that has a member beside each of them. */
export type LabStore = 'lmdb' | 'etcd';

/** What a user chooses. */
export interface LabSpec {
  /** How many nodes: node1, node2, … */
  readonly nodes: number;
  /** The LAN's families, primary first. */
  readonly ipFamilies: readonly IPFamily[];
  /** What every node runs to keep others out, if anything. */
  readonly nodeFirewall?: NodeFirewall;
  /** Whether every node has a container runtime of its own. */
  readonly nodeContainers?: boolean;
  /** Flags of every node's agent. */
  readonly agentFlags?: readonly string[];
  /** How many servers have a place on the LAN: server1, server2, … With none, one server runs beside the lab. */
  readonly servers?: number;
  /** Where those servers keep the objects. Default: etcd. */
  readonly store?: LabStore;
  /** Mebibytes of the disk, in memory, on which each of those servers keeps the objects. Default: the lab's directory. */
  readonly serverDisk?: number;
  /** Flags of every one of those servers. */
  readonly serverFlags?: readonly string[];
  /** How many LANs: with two, the later half of the nodes is on the second, and a router between them. Default: one. */
  readonly lans?: number;
}

/** A bridge in the place `lan`, and the router's addresses on it. */
export interface Lan {
  /** Its interface in the place `lan`. */
  readonly name: string;
  /** Its prefixes and the router's address in each, in the order of the families. */
  readonly cidrs: readonly CIDR[];
  readonly addresses: readonly IPAddress[];
}

/** A network namespace with a host name of its own. */
export interface Place {
  readonly kind: 'lan' | 'server' | 'node' | 'client';
  readonly name: string;
  /** The LAN that it is on; of the router, the first. */
  readonly lan: Lan;
  /** Its interface on the LAN. */
  readonly lanInterface: string;
  /** Its addresses on the LAN, in the order of the families. */
  readonly addresses: readonly IPAddress[];
}

export interface Topology {
  readonly lans: readonly Lan[];
  /** The router of all. */
  readonly lan: Place;
  readonly servers: readonly Place[];
  readonly nodes: readonly Place[];
  readonly client: Place;
}

/** Labs are isolated from each other and from the machine, so all of them use the same prefixes. */
const LAN_CIDRS: readonly Readonly<Record<IPFamily, CIDR>>[] = [
  { IPv4: mustParseCIDR('192.168.77.0/24'), IPv6: mustParseCIDR('fd00:77::/64') },
  { IPv4: mustParseCIDR('192.168.78.0/24'), IPv6: mustParseCIDR('fd00:78::/64') },
];

/** A batch has no `-6`: `ip` learns the family from the prefix. */
const EVERYWHERE: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

/** Host numbers on a LAN. From 200 on (`fd00:77::200` in IPv6) nobody is at home: those are for load balancers. */
const ROUTER = 1;
const CLIENT = 2;
const FIRST_SERVER = 3;
const FIRST_NODE = 11;
export const MAX_SERVERS = FIRST_NODE - FIRST_SERVER;
export const MAX_NODES = 100;
export const MAX_LANS = LAN_CIDRS.length;

export function topologyOf(spec: LabSpec): Topology {
  const lans = LAN_CIDRS.slice(0, spec.lans ?? 1).map((prefixes, i): Lan => {
    const cidrs = spec.ipFamilies.map((family) => prefixes[family]);
    return {
      name: i === 0 ? 'lan' : `lan${i + 1}`,
      cidrs,
      addresses: cidrs.map(({ base }) => addIP(base, ROUTER)),
    };
  });
  const [first] = lans;
  if (first === undefined) throw new Error('a lab has at least one LAN');
  const place = (kind: Place['kind'], name: string, host: number, lan = first): Place => ({
    kind,
    name,
    lan,
    lanInterface: kind === 'lan' ? lan.name : 'eth0',
    addresses: lan.cidrs.map(({ base }) => addIP(base, host)),
  });
  const perLan = Math.ceil(spec.nodes / lans.length);
  return {
    lans,
    lan: place('lan', 'lan', ROUTER),
    servers: numbered(spec.servers ?? 0, (i) => place('server', `server${i + 1}`, FIRST_SERVER + i)),
    nodes: numbered(spec.nodes, (i) => place('node', `node${i + 1}`, FIRST_NODE + i, lans[Math.floor(i / perLan)])),
    client: place('client', 'client', CLIENT),
  };
}

function numbered(length: number, make: (index: number) => Place): readonly Place[] {
  return Array.from({ length }, (_, i) => make(i));
}

/** Every place, the LAN first. */
export function placesOf({ lan, servers, nodes, client }: Topology): readonly Place[] {
  return [lan, ...servers, ...nodes, client];
}

/**
 * What `ip -batch` does in the place `lan`: the bridges, and a cable to each other place. `pidOf` is a process in a place,
 * which is how `ip` names the namespace of the cable's far end.
 */
export function lanCommands(topology: Topology, pidOf: (place: Place) => number): readonly string[] {
  const plugged = placesOf(topology).filter((place) => place !== topology.lan);
  return [
    'link set dev lo up',
    ...topology.lans.flatMap((lan) => [
      // Without snooping every multicast reaches every port, as on a plain switch: NDP must not depend on queriers.
      `link add name ${lan.name} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
      ...addressCommands(lan, lan.name, lan.addresses),
      `link set dev ${lan.name} up`,
    ]),
    ...plugged.flatMap((place) => [
      `link add name ${place.name} type veth peer name ${place.lanInterface} netns ${pidOf(place)}`,
      `link set dev ${place.name} master ${place.lan.name} up`,
    ]),
  ];
}

/** What `ip -batch` does in a place that is plugged in: addresses and the way out. */
export function placeCommands(place: Place): readonly string[] {
  return [
    'link set dev lo up',
    `link set dev ${place.lanInterface} up`,
    ...addressCommands(place.lan, place.lanInterface, place.addresses),
    ...place.lan.addresses.map((router) => `route add ${EVERYWHERE[router.family]} via ${printIP(router)}`),
  ];
}

/** Settings of a new place's network, for `sysctl`. They come before any interface, which inherits them. */
export function sysctlsOf(place: Place): readonly string[] {
  const families = place.lan.cidrs.map(({ base }) => base.family);
  const forwards = place.kind === 'lan';
  const perFamily: Record<IPFamily, readonly string[]> = {
    IPv4: [
      'net.ipv4.conf.all.rp_filter=0',
      'net.ipv4.conf.default.rp_filter=0',
      ...(forwards ? ['net.ipv4.ip_forward=1'] : []),
    ],
    IPv6: [
      // A fresh address is usable at once: nobody else is on this LAN.
      ...['all', 'default'].flatMap((scope) => [
        `net.ipv6.conf.${scope}.accept_dad=0`,
        `net.ipv6.conf.${scope}.accept_ra=0`,
      ]),
      ...(forwards ? ['net.ipv6.conf.all.forwarding=1'] : []),
    ],
  };
  return families.flatMap((family) => perFamily[family]);
}

/** A node asks its own cluster DNS; the client is outside and knows no name server. */
export function resolvConf(nameservers: readonly string[], clusterDomain: string): string {
  if (nameservers.length === 0)
    return '# No name server: this place is outside the cluster, or its node is not ready yet.\n';
  const servers = nameservers.map((server) => `nameserver ${server}\n`).join('');
  return `${servers}search svc.${clusterDomain} ${clusterDomain}\n`;
}

function addressCommands(lan: Lan, device: string, addresses: readonly IPAddress[]): readonly string[] {
  return addresses.map((address, i) => {
    const prefix = lan.cidrs[i]?.prefix ?? 0;
    const nodad = address.family === 'IPv6' ? ' nodad' : '';
    return `address add ${printIP(address)}/${prefix} dev ${device}${nodad}`;
  });
}

/** For people: `192.168.77.0/24, fd00:77::/64`. */
export function printLans({ lans }: Topology): string {
  return lans.flatMap(({ cidrs }) => cidrs.map(printCIDR)).join(', ');
}
