/** The layer-2 announcer of one node: load balancer addresses by ARP and NDP on the node's LAN. */
import type { Node } from '../api/core/v1/node.ts';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { type OpenLinkWatch, openLinkWatch } from '../host/link-watch.ts';
import type { Logger } from '../host/log.ts';
import { type OpenMulticastGroups, openMulticastGroups } from '../host/multicast-groups.ts';
import { type OpenPacketSocket, openPacketSocket } from '../host/packet-socket.ts';
import { parseIP, printIP } from '../lib/ip.ts';
import { Announcer } from './announcer/announcer.ts';
import { L2Stats } from './announcer/stats.ts';
import { reachOf } from './lan/reach.ts';
import { Speaker } from './speaker/interim.ts';

export interface L2Options {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  /** The only interfaces to announce on. Default: those that hold the node's InternalIPs, or that an advertisement names. */
  readonly interfaces?: readonly string[];
  readonly log: Logger;
  readonly clock?: Clock;
  /** The machine; other than the real one in tests. */
  readonly host?: {
    readonly openSocket: OpenPacketSocket;
    readonly openGroups: OpenMulticastGroups;
    readonly openLinks: OpenLinkWatch;
  };
}

/** An address that this node announces now. */
export interface AnnouncedAddress {
  readonly address: string;
  readonly protocol: 'ARP' | 'NDP';
  /** Where it is answered for, sorted; empty while no interface can be used. */
  readonly interfaces: readonly string[];
  /** Keys of the Services that have the address. */
  readonly services: readonly string[];
}

export interface L2 {
  /** What this node announces, by address. */
  announcing(): readonly AnnouncedAddress[];
  /** Resolves when everything that was there at the start has been decided. */
  readonly synced: Promise<void>;
  readonly stats: L2Stats;
}

/** Starts to announce; every announcement ends with the signal. */
export async function startL2(options: L2Options, signal: AbortSignal): Promise<L2> {
  const { nodeName, log, clock = systemClock } = options;
  const host = options.host ?? {
    openSocket: openPacketSocket,
    openGroups: openMulticastGroups,
    openLinks: openLinkWatch,
  };
  const stats = new L2Stats();
  const links = await host.openLinks(log, signal);
  const announcer = new Announcer({
    ...host,
    links,
    clock,
    log,
    stats,
    onClaim: () => 'stranger',
    onConflict: (conflict, state) => log.warn({ conflict, state }, 'another host holds an address'),
    onChange: () => {},
  });
  announcer.start(signal);
  const speaker = new Speaker({
    ...options,
    announce: (address, announcement) => announcer.set(address, announcement),
  });
  const look = (): void => {
    const reach = reachOf(links.links.values(), internalIPs(speaker.nodes.get(nodeName)), options.interfaces);
    if (reach.defaults.length === 0) log.debug({}, 'no interface holds an InternalIP of this node yet');
    announcer.setReach(reach);
  };
  speaker.nodes.onChange(({ key }) => {
    if (key === nodeName) look();
  });
  links.onChange(look);
  look();
  speaker.start(signal);
  return { announcing: () => announcing(announcer), synced: speaker.synced, stats };
}

function internalIPs(node: Node | undefined): readonly string[] {
  return (node?.status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => parseIP(address))
    .filter((ip) => ip !== undefined)
    .map(printIP);
}

function announcing(announcer: Announcer): readonly AnnouncedAddress[] {
  return announcer
    .list()
    .map(({ announcement: { ip, services }, interfaces }): AnnouncedAddress => {
      const protocol = ip.family === 'IPv4' ? 'ARP' : 'NDP';
      return { address: printIP(ip), protocol, interfaces: [...interfaces].sort(), services };
    })
    .sort((a, b) => (a.address < b.address ? -1 : 1));
}
