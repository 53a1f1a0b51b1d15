/**
 * Ethernet frames of one interface, through an AF_PACKET socket (packet(7)). The socket is non-blocking and watched by
 * the event loop itself: no thread waits for it, and a flood is read in bounded batches.
 */
import { messageOf } from '../lib/errors.ts';
import { parseMAC } from '../lib/mac.ts';
import { type LibcSocket, libcSocket, SystemCallError } from './libc-socket.ts';
import { type BpfInstruction, encodeFilter } from './packet-filter.ts';

export interface PacketSocketOptions {
  /** Name of the interface: `eth0`. */
  readonly interface: string;
  /** EtherType of the frames to receive: 0x0806 for ARP, 0x86dd for IPv6. */
  readonly etherType: number;
  /** Multicast MACs to receive from the start: `33:33:00:00:00:02`. */
  readonly multicast?: readonly string[];
  /** What the kernel lets through. Default: every frame of the EtherType. */
  readonly filter?: readonly BpfInstruction[];
}

/** An open packet socket. Frames are whole Ethernet frames, header included, without the checksum. */
export interface PacketSocket {
  readonly interface: string;
  readonly ifindex: number;
  /** The interface's own MAC: 6 bytes. */
  readonly mac: Uint8Array;
  /** Queues one frame. False when the interface is down or its queue full: the frame is lost, as on any wire. */
  send(frame: Uint8Array): boolean;
  /** Begins to deliver. The frame belongs to the listener. Called once, with what is to happen when the socket fails. */
  onFrame(listener: (frame: Uint8Array) => void, onError: (error: PacketSocketError) => void): void;
  /** Asks the interface for frames to a multicast MAC. Joining twice needs leaving twice. */
  join(mac: string): void;
  leave(mac: string): void;
  /** Gives everything back; nothing is delivered afterwards. */
  close(): void;
}

/** The socket could not be opened, or its interface went away. */
export class PacketSocketError extends Error {
  readonly interface: string;

  constructor(name: string, what: string, cause?: unknown) {
    super(`packet socket on ${name}: ${what}`, { cause });
    this.name = 'PacketSocketError';
    this.interface = name;
  }
}

/** Opens a packet socket; needs CAP_NET_RAW. Throws {@link PacketSocketError}. */
export type OpenPacketSocket = (options: PacketSocketOptions) => Promise<PacketSocket>;

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_DROP_MEMBERSHIP = 2;
const PACKET_MR_MULTICAST = 0;
/** `struct sockaddr_ll`. */
const SOCKADDR_LL_SIZE = 20;
/** Larger than any frame that our protocols use; jumbo frames are cut off, which no reader of ours minds. */
const FRAME_LIMIT = 2048;
/** Frames read in one turn of the event loop. */
const BATCH = 64;

export const openPacketSocket: OpenPacketSocket = async (options) => {
  const name = options.interface;
  const libc = await libcSocket();
  const ifindex = libc.ifIndex(name);
  if (ifindex === 0) throw new PacketSocketError(name, 'there is no such interface');
  let fd = -1;
  try {
    // Protocol 0 receives nothing: no frame can slip in between opening the socket and attaching the filter.
    fd = libc.socket(AF_PACKET, SOCK_RAW_NONBLOCK_CLOEXEC, 0);
    if (options.filter !== undefined) attachFilter(libc, fd, options.filter);
    libc.bind(fd, linkLayerAddress(ifindex, options.etherType));
    const own = libc.getsockname(fd, SOCKADDR_LL_SIZE);
    if (own[11] !== 6) throw new PacketSocketError(name, 'the interface has no Ethernet address');
    const socket = new LinuxPacketSocket(libc, fd, name, ifindex, own.slice(12, 18));
    for (const mac of options.multicast ?? []) socket.join(mac);
    return socket;
  } catch (cause) {
    if (fd >= 0) libc.close(fd);
    if (cause instanceof PacketSocketError) throw cause;
    throw new PacketSocketError(name, explain(cause), cause);
  }
};

function explain(cause: unknown): string {
  if (cause instanceof SystemCallError && cause.code === 'EPERM') {
    return 'not permitted: run as root or with the capability CAP_NET_RAW';
  }
  return messageOf(cause);
}

class LinuxPacketSocket implements PacketSocket {
  readonly interface: string;
  readonly ifindex: number;
  readonly mac: Uint8Array;
  readonly #libc: LibcSocket;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(FRAME_LIMIT);
  #unwatch: (() => void) | undefined;
  #open = true;

  constructor(libc: LibcSocket, fd: number, name: string, ifindex: number, mac: Uint8Array) {
    this.#libc = libc;
    this.#fd = fd;
    this.interface = name;
    this.ifindex = ifindex;
    this.mac = mac;
  }

  send(frame: Uint8Array): boolean {
    this.#mustBeOpen();
    return this.#call(() => this.#unlessDown(() => this.#libc.send(this.#fd, frame))) !== undefined;
  }

  onFrame(listener: (frame: Uint8Array) => void, onError: (error: PacketSocketError) => void): void {
    this.#mustBeOpen();
    this.#unwatch?.();
    this.#unwatch = this.#libc.watch(this.#fd, () => {
      try {
        this.#drain(listener);
      } catch (error) {
        if (!(error instanceof PacketSocketError)) throw error;
        this.close();
        onError(error);
      }
    });
  }

  join(mac: string): void {
    this.#membership(PACKET_ADD_MEMBERSHIP, mac);
  }

  leave(mac: string): void {
    this.#membership(PACKET_DROP_MEMBERSHIP, mac);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unwatch?.();
    this.#libc.close(this.#fd);
  }

  #drain(listener: (frame: Uint8Array) => void): void {
    for (let i = 0; i < BATCH && this.#open; i++) {
      const length = this.#call(() => this.#unlessDown(() => this.#libc.recv(this.#fd, this.#buffer)));
      if (length === undefined) return;
      listener(this.#buffer.slice(0, length));
    }
  }

  /** An interface that is merely down comes back, and the socket with it: only one that is gone is an error. */
  #unlessDown<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      const down = error instanceof SystemCallError && error.code === 'ENETDOWN';
      if (down && this.#libc.ifIndex(this.interface) === this.ifindex) return undefined;
      throw error;
    }
  }

  #membership(operation: number, mac: string): void {
    this.#mustBeOpen();
    this.#call(() => this.#libc.setsockopt(this.#fd, SOL_PACKET, operation, membershipRequest(this.ifindex, mac)));
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new PacketSocketError(this.interface, 'already closed');
  }

  #call<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      throw new PacketSocketError(this.interface, explain(cause), cause);
    }
  }
}

/** `struct sockaddr_ll` to bind to: family and ifindex in host order, protocol in network order. */
function linkLayerAddress(ifindex: number, etherType: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_LL_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, etherType, false);
  view.setInt32(4, ifindex, true);
  return bytes;
}

/** `struct packet_mreq`. */
function membershipRequest(ifindex: number, mac: string): Uint8Array {
  const address = parseMAC(mac);
  if (address === undefined) throw new Error(`not a MAC: ${JSON.stringify(mac)}`);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, ifindex, true);
  view.setUint16(4, PACKET_MR_MULTICAST, true);
  view.setUint16(6, address.length, true);
  bytes.set(address, 8);
  return bytes;
}

function attachFilter(libc: LibcSocket, fd: number, program: readonly BpfInstruction[]): void {
  const instructions = encodeFilter(program);
  // `struct sock_fprog`: a length and a pointer, which the kernel follows during the call only.
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, program.length, true);
  view.setBigUint64(8, libc.pointer(instructions), true);
  libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes);
}
