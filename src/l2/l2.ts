/** The layer-2 announcer of one node: load balancer addresses by ARP and NDP on the node's LAN. */
import type { Node } from '../api/core/v1/node.ts';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { type HostInterface, type ReadInterfaces, readInterfaces } from '../host/interfaces.ts';
import type { Logger } from '../host/log.ts';
import { type OpenMulticastGroups, openMulticastGroups } from '../host/multicast-groups.ts';
import { type OpenPacketSocket, openPacketSocket } from '../host/packet-socket.ts';
import { type Duration, seconds } from '../lib/duration.ts';
import { parseIP, printIP } from '../lib/ip.ts';
import { Announcer, type Reach } from './announcer/announcer.ts';
import { L2Stats } from './announcer/stats.ts';
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
    readonly readInterfaces: ReadInterfaces;
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

/** How often interfaces and addresses of the machine are looked at; they may come after the node has. */
const INTERFACES_INTERVAL: Duration = seconds(5);

/** Starts to announce; every announcement ends with the signal. */
export async function startL2(options: L2Options, signal: AbortSignal): Promise<L2> {
  const { nodeName, log, clock = systemClock } = options;
  const host = options.host ?? { openSocket: openPacketSocket, openGroups: openMulticastGroups, readInterfaces };
  const stats = new L2Stats();
  const announcer = new Announcer({ ...host, clock, log, stats });
  const speaker = new Speaker({
    ...options,
    announce: (address, announcement) => announcer.set(address, announcement, signal),
  });
  let last = '';
  const look = (): void => {
    const reach = reachOf(host.readInterfaces(), speaker.nodes.get(nodeName), options.interfaces);
    const key = JSON.stringify([reach.defaults, [...reach.own].sort()]);
    if (key === last) return;
    last = key;
    if (reach.defaults.length === 0) log.debug({}, 'no interface holds an InternalIP of this node yet');
    announcer.setReach(reach, signal);
  };
  speaker.nodes.onChange(({ key }) => {
    if (key === nodeName) look();
  });
  look();
  speaker.start(signal);
  void lookRegularly(look, clock, signal);
  return { announcing: () => announcing(announcer), synced: speaker.synced, stats };
}

async function lookRegularly(look: () => void, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(INTERFACES_INTERVAL, signal).catch(() => {}); // The signal is checked by the loop.
    if (!signal.aborted) look();
  }
}

/** Where this machine may announce: pure. */
function reachOf(
  interfaces: readonly HostInterface[],
  node: Node | undefined,
  only: readonly string[] | undefined,
): Reach {
  const internal = new Set(
    (node?.status?.addresses ?? [])
      .filter(({ type }) => type === 'InternalIP')
      .map(({ address }) => parseIP(address))
      .filter((ip) => ip !== undefined)
      .map(printIP),
  );
  const holders = interfaces.filter(({ addresses }) => addresses.some((address) => internal.has(address)));
  return {
    defaults: only ?? holders.map(({ name }) => name).sort(),
    allowed: only === undefined ? undefined : new Set(only),
    own: new Set(interfaces.flatMap(({ addresses }) => addresses)),
  };
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
