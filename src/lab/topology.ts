/**
 * What a lab looks like, as data: nodes and an outside client on one LAN, each a place of its own. The LAN is a bridge in
 * the place `lan`, whose own addresses are everybody's router. Nothing here touches the machine.
 */
import { addIP, type CIDR, type IPAddress, type IPFamily, mustParseCIDR, printCIDR, printIP } from '../lib/ip.ts';
import type { NodeFirewall } from './node-firewall.ts';

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
}

/** A network namespace with a host name of its own. */
export interface Place {
  readonly kind: 'lan' | 'node' | 'client';
  readonly name: string;
  /** Its interface on the LAN. */
  readonly lanInterface: string;
  /** Its addresses on the LAN, in the order of the families. */
  readonly addresses: readonly IPAddress[];
}

export interface Topology {
  readonly lan: Place;
  readonly nodes: readonly Place[];
  readonly client: Place;
  /** The LAN's prefixes, in the order of the families. */
  readonly cidrs: readonly CIDR[];
}

/** Labs are isolated from each other and from the machine, so all of them use the same prefixes. */
const LAN_CIDRS: Readonly<Record<IPFamily, CIDR>> = {
  IPv4: mustParseCIDR('192.168.77.0/24'),
  IPv6: mustParseCIDR('fd00:77::/64'),
};

/** A batch has no `-6`: `ip` learns the family from the prefix. */
const EVERYWHERE: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

/** Host numbers on the LAN. From 200 on (`fd00:77::200` in IPv6) nobody is at home: those are for load balancers. */
const ROUTER = 1;
const CLIENT = 2;
const FIRST_NODE = 11;
export const MAX_NODES = 100;

export function topologyOf(spec: LabSpec): Topology {
  const cidrs = spec.ipFamilies.map((family) => LAN_CIDRS[family]);
  const place = (kind: Place['kind'], name: string, host: number): Place => ({
    kind,
    name,
    lanInterface: kind === 'lan' ? 'lan' : 'eth0',
    addresses: cidrs.map((cidr) => addIP(cidr.base, host)),
  });
  return {
    cidrs,
    lan: place('lan', 'lan', ROUTER),
    nodes: Array.from({ length: spec.nodes }, (_, i) => place('node', `node${i + 1}`, FIRST_NODE + i)),
    client: place('client', 'client', CLIENT),
  };
}

/** Every place, the LAN first. */
export function placesOf({ lan, nodes, client }: Topology): readonly Place[] {
  return [lan, ...nodes, client];
}

/**
 * What `ip -batch` does in the place `lan`: the bridge, and a cable to each other place. `pidOf` is a process in a place,
 * which is how `ip` names the namespace of the cable's far end.
 */
export function lanCommands(topology: Topology, pidOf: (place: Place) => number): readonly string[] {
  const { lan, nodes, client } = topology;
  return [
    'link set dev lo up',
    // Without snooping every multicast reaches every port, as on a plain switch: NDP must not depend on queriers.
    `link add name ${lan.lanInterface} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
    ...addressCommands(topology, lan),
    `link set dev ${lan.lanInterface} up`,
    ...[...nodes, client].flatMap((place) => [
      `link add name ${place.name} type veth peer name ${place.lanInterface} netns ${pidOf(place)}`,
      `link set dev ${place.name} master ${lan.lanInterface} up`,
    ]),
  ];
}

/** What `ip -batch` does in a place that is plugged in: addresses and the way out. */
export function placeCommands(topology: Topology, place: Place): readonly string[] {
  return [
    'link set dev lo up',
    `link set dev ${place.lanInterface} up`,
    ...addressCommands(topology, place),
    ...topology.lan.addresses.map((router) => `route add ${EVERYWHERE[router.family]} via ${printIP(router)}`),
  ];
}

/** Settings of a new place's network, for `sysctl`. They come before any interface, which inherits them. */
export function sysctlsOf(topology: Topology, place: Place): readonly string[] {
  const families = topology.cidrs.map(({ base }) => base.family);
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

function addressCommands(topology: Topology, place: Place): readonly string[] {
  return place.addresses.map((address, i) => {
    const prefix = topology.cidrs[i]?.prefix ?? 0;
    const nodad = address.family === 'IPv6' ? ' nodad' : '';
    return `address add ${printIP(address)}/${prefix} dev ${place.lanInterface}${nodad}`;
  });
}

/** For people: `192.168.77.0/24, fd00:77::/64`. */
export function printLan({ cidrs }: Topology): string {
  return cidrs.map(printCIDR).join(', ');
}
