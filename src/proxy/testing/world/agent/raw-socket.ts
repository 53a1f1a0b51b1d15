/**
 * Raw IP sockets, for packets that no ordinary socket sends: SCTP, of which the kernel here may have no sockets, and TCP
 * segments that belong to no connection. For tests only: receives from anyone, keeps no queue.
 */
import koffi from 'koffi';
import { SystemCallError } from '../../../../host/libc-socket.ts';
import { ipBytes, ipFromBytes, mustParseIP, printIP } from '../../../../lib/ip.ts';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
const connect = libc.func('int connect(int fd, const uint8_t *address, uint32_t length)');
const sendto = libc.func(
  'intptr_t sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t size)',
);
const recvfrom = libc.func(
  'intptr_t recvfrom(int fd, uint8_t *into, size_t length, int flags, uint8_t *address, uint8_t *size)',
);
const close = libc.func('int close(int fd)');

/** <sys/socket.h>, the same on all of Linux. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const SOCKADDR_IN6_SIZE = 28;
const MAX_PACKET = 2048;
const EAGAIN = 11;

/** What a raw socket receives: the transport header and what follows it. */
export interface Received {
  readonly from: string;
  readonly bytes: Uint8Array;
}

export interface RawSocketOptions {
  readonly family: 'IPv4' | 'IPv6';
  /** IANA protocol number: 6 for TCP, 132 for SCTP. */
  readonly protocol: number;
  /** Only talk to this address, and hear of ICMP errors from there. */
  readonly peer?: string | undefined;
  readonly localAddress?: string | undefined;
}

/** An open raw socket; needs CAP_NET_RAW. */
export class RawSocket {
  readonly #fd: number;
  readonly #poll: { stop(): void; close(): void };
  #open = true;

  /** `onError` is given the error's code: `ECONNREFUSED` for an ICMP port unreachable. */
  constructor(options: RawSocketOptions, onPacket: (packet: Received) => void, onError: (code: string) => void) {
    const domain = options.family === 'IPv4' ? AF_INET : AF_INET6;
    this.#fd = check('socket', socket(domain, SOCK_RAW_NONBLOCK_CLOEXEC, options.protocol));
    const { localAddress, peer } = options;
    if (localAddress !== undefined) check('bind', bind(this.#fd, ...sockaddr(localAddress)));
    if (peer !== undefined) check('connect', connect(this.#fd, ...sockaddr(peer)));
    this.#poll = koffi.node.poll(this.#fd, { readable: true }, () => {
      try {
        for (let packet = this.#receive(); packet !== undefined; packet = this.#receive()) onPacket(packet);
      } catch (error) {
        onError(error instanceof SystemCallError ? error.code : String(error));
      }
    });
  }

  send(to: string, bytes: Uint8Array): void {
    check('sendto', Number(sendto(this.#fd, bytes, bytes.length, 0, ...sockaddr(to))));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#poll.stop();
    this.#poll.close();
    close(this.#fd);
  }

  #receive(): Received | undefined {
    if (!this.#open) return undefined;
    const into = new Uint8Array(MAX_PACKET);
    const address = new Uint8Array(SOCKADDR_IN6_SIZE);
    const size = new Uint8Array(Uint32Array.of(address.length).buffer);
    const length = Number(recvfrom(this.#fd, into, into.length, 0, address, size));
    if (length < 0 && koffi.errno() === EAGAIN) return undefined;
    check('recvfrom', length);
    const isIPv4 = address[0] === AF_INET;
    const ip = ipFromBytes(isIPv4 ? address.subarray(4, 8) : address.subarray(8, 24));
    // IPv4 comes with its header, IPv6 without: raw(7), RFC 3542 section 3.
    const header = isIPv4 ? ((into[0] ?? 0) & 0x0f) * 4 : 0;
    return { from: ip === undefined ? '' : printIP(ip), bytes: into.subarray(header, length) };
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`, without a port, and its size. */
function sockaddr(text: string): [Uint8Array, number] {
  const ip = mustParseIP(text);
  const isIPv4 = ip.family === 'IPv4';
  const bytes = new Uint8Array(isIPv4 ? 16 : SOCKADDR_IN6_SIZE);
  bytes[0] = isIPv4 ? AF_INET : AF_INET6;
  bytes.set(ipBytes(ip), isIPv4 ? 4 : 8);
  return [bytes, bytes.length];
}

function check(name: string, result: number): number {
  if (result < 0) throw new SystemCallError(name, koffi.errno());
  return result;
}
