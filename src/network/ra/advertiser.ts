/**
 * The node as its guests' IPv6 router. A guest is answered at the first word that its network card says, since what it says later
 * is what it waits with: the solicitation for a router comes up to two seconds after the link.
 */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { icmpv6Filter } from '../../host/packet-filter.ts';
import { type OpenPacketSocket, openPacketSocket, type PacketSocket } from '../../host/packet-socket.ts';
import { addIP, type CIDR } from '../../lib/ip.ts';
import { printMAC } from '../../lib/mac.ts';
import { BRIDGE } from '../bridge.ts';
import { linkLocalOfMAC } from '../link-local.ts';
import { ALL_NODES_MAC, asksForRouter, encodeRouterAdvertisement, type RouterAdvertisement } from './packet.ts';

/** Seconds; the most that RFC 4861 section 6.2.1 allows: guests keep their router while the agent is away. */
const LIFETIME = 9000;
/** Milliseconds between advertisements that nobody asked for. */
const INTERVAL = 300_000;
/** Milliseconds until one guest is answered again: one that floods is not helped. */
const PAUSE = 50;
/** Guests whose last answer is remembered. */
const REMEMBERED = 4096;
/** Milliseconds until a socket that failed is opened again. */
const RETRY = 1000;

const ROUTER_SOLICITATION = 133;
const NEIGHBOR_SOLICITATION = 135;
/** Of a multicast group: RFC 2710, RFC 3810. */
const REPORTS = [131, 143];

export interface AdvertiserOptions {
  readonly prefix: CIDR;
  readonly clusterDomain: string;
  /** Bytes that guests' packets may have, as it is now; undefined: as is usual. */
  readonly mtu?: () => number | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  readonly openSocket?: OpenPacketSocket;
}

/** Runs until the signal is aborted. Never rejects for what the bridge does. */
export async function runRouterAdvertisements(options: AdvertiserOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    try {
      await advertise(options, signal);
    } catch (err) {
      log.error({ err, retryIn: RETRY }, 'no router advertisements are sent: guests get no IPv6 until they are');
      await clock.sleep(RETRY, signal).catch(() => undefined);
    }
  }
}

async function advertise(options: AdvertiserOptions, signal: AbortSignal): Promise<void> {
  const { clock, openSocket = openPacketSocket } = options;
  const filter = icmpv6Filter([ROUTER_SOLICITATION, NEIGHBOR_SOLICITATION], REPORTS);
  const socket = await openSocket({ interface: BRIDGE, etherType: 0x86dd, filter });
  const ended = new AbortController();
  try {
    const content = () => advertisementOf(options, socket);
    const answered = new Map<string, number>();
    const failed = new Promise<never>((_, reject) => {
      socket.onFrame((frame) => {
        if (asksForRouter(frame) && isTime(answered, frame, clock.now())) {
          socket.send(encodeRouterAdvertisement(content(), frame.subarray(6, 12)));
        }
      }, reject);
    });
    const either = AbortSignal.any([signal, ended.signal]);
    await Promise.race([failed, remind(socket, content, clock, either)]);
  } finally {
    ended.abort();
    socket.close();
  }
}

async function remind(
  socket: PacketSocket,
  content: () => RouterAdvertisement,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    socket.send(encodeRouterAdvertisement(content(), ALL_NODES_MAC));
    await clock.sleep(INTERVAL, signal).catch(() => undefined);
  }
}

function advertisementOf(
  { prefix, clusterDomain, mtu }: AdvertiserOptions,
  { mac }: PacketSocket,
): RouterAdvertisement {
  return {
    mac,
    source: linkLocalOfMAC(mac),
    prefix,
    dnsServer: addIP(prefix.base, 1),
    searchDomains: [`svc.${clusterDomain}`, clusterDomain],
    lifetime: LIFETIME,
    mtu: mtu?.(),
  };
}

/** Whether the sender of a frame may be answered again, and remembers that it is. */
function isTime(answered: Map<string, number>, frame: Uint8Array, now: number): boolean {
  const mac = printMAC(frame.subarray(6, 12));
  const last = answered.get(mac);
  if (last !== undefined && now - last < PAUSE) return false;
  if (answered.size >= REMEMBERED) answered.clear();
  answered.set(mac, now);
  return true;
}
