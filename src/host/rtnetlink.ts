/** Messages of the kernel's routing socket about interfaces and their addresses, as data: rtnetlink(7). */
import { bits, ipFromBytes, printIP } from '../lib/ip.ts';
import type { LibcSocket } from './libc-socket.ts';
import { message, readAttributes } from './netlink-message.ts';

// linux/netlink.h, linux/rtnetlink.h
const AF_NETLINK = 16;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const NETLINK_ROUTE = 0;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
/** RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR. */
export const INTERFACE_GROUPS = 0x1 | 0x10 | 0x100;

// linux/if_link.h
const IFINFOMSG = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_EVENT = 44;
const ARPHRD_ETHER = 1;
/** Events after which a switch or a neighbour must learn anew where this interface is. */
const ANNOUNCING_EVENTS = [/* IFLA_EVENT_BONDING_FAILOVER */ 3, /* IFLA_EVENT_NOTIFY_PEERS */ 4];

// linux/if.h
const IFF_UP = 0x1;
const IFF_NOARP = 0x80;
const IFF_LOWER_UP = 0x10000;

// linux/if_addr.h
const IFADDRMSG = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

/** An interface as one message tells of it. */
export interface LinkMessage {
  readonly name: string;
  readonly index: number;
  /** 6 bytes; undefined when it is no Ethernet interface. */
  readonly mac: Uint8Array | undefined;
  /** The kernel's word for what it is, such as `bridge`, `bond`, `vlan`, `macvlan`; undefined for a plain device. */
  readonly kind: string | undefined;
  /** Index of the bridge, bond or other interface that it is a port of. */
  readonly master: number | undefined;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** Up, and there is somebody at the other end of the cable. */
  readonly carrier: boolean;
  /** Whether the kernel speaks ARP and NDP on it. */
  readonly resolves: boolean;
  /** Its neighbours should hear of it anew: one of {@link ANNOUNCING_EVENTS}. */
  readonly announce: boolean;
}

/** An address of an interface, as one message tells of it. */
export interface AddressMessage {
  readonly index: number;
  readonly address: string;
  readonly prefix: number;
}

/** A routing socket of this process's network namespace whose calls do not wait. The caller closes it. */
export function routeSocket(libc: LibcSocket, groups = 0): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW_NONBLOCK_CLOEXEC, NETLINK_ROUTE);
  // `struct sockaddr_nl`: family, padding, port (the kernel's choice), groups.
  const address = new DataView(new ArrayBuffer(12));
  address.setUint16(0, AF_NETLINK, true);
  address.setUint32(8, groups, true);
  try {
    libc.bind(fd, new Uint8Array(address.buffer));
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}

/** The question for all interfaces, or all addresses. */
export function dumpRequest(type: typeof RTM_GETLINK | typeof RTM_GETADDR): Uint8Array {
  return message(type, NLM_F_REQUEST | NLM_F_DUMP, [new Uint8Array(type === RTM_GETLINK ? IFINFOMSG : IFADDRMSG)]);
}

/** Reads what follows the header of RTM_NEWLINK and RTM_DELLINK; undefined when it is not about an interface as such. */
export function decodeLink(payload: Uint8Array): LinkMessage | undefined {
  if (payload.length < IFINFOMSG) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  // Bridges speak of their ports with AF_BRIDGE: a port that leaves is "deleted", and still there.
  if (view.getUint8(0) !== 0) return undefined;
  const flags = view.getUint32(8, true);
  const attributes = readAttributes(payload.subarray(IFINFOMSG));
  const name = attributes.get(IFLA_IFNAME);
  if (name === undefined) return undefined;
  const mac = attributes.get(IFLA_ADDRESS);
  const info = attributes.get(IFLA_LINKINFO);
  const kind = info === undefined ? undefined : readAttributes(info).get(IFLA_INFO_KIND);
  const isEthernet = view.getUint16(2, true) === ARPHRD_ETHER && mac?.length === 6;
  return {
    name: text(name),
    index: view.getInt32(4, true),
    mac: isEthernet ? mac.slice() : undefined,
    kind: kind === undefined ? undefined : text(kind),
    master: uint32(attributes.get(IFLA_MASTER)) || undefined,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0,
    resolves: (flags & IFF_NOARP) === 0,
    announce: ANNOUNCING_EVENTS.includes(uint32(attributes.get(IFLA_EVENT)) ?? 0),
  };
}

/** Reads what follows the header of RTM_NEWADDR and RTM_DELADDR. */
export function decodeAddress(payload: Uint8Array): AddressMessage | undefined {
  if (payload.length < IFADDRMSG) return undefined;
  const attributes = readAttributes(payload.subarray(IFADDRMSG));
  // Of a point-to-point interface, IFA_ADDRESS is the other end.
  const ip = ipFromBytes(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? new Uint8Array());
  const prefix = payload[1] ?? 0;
  if (ip === undefined || prefix > bits(ip.family)) return undefined;
  const index = new DataView(payload.buffer, payload.byteOffset).getUint32(4, true);
  return { index, address: printIP(ip), prefix };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, '');
}

function uint32(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}
