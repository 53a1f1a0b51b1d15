/**
 * The first half of an SCTP handshake (RFC 9260, section 5.1) over raw sockets: INIT, and the INIT ACK that answers it. It is all
 * that connection tracking and address translation need to see, and works where the kernel has no SCTP sockets.
 */
import { SystemCallError } from '../../../../host/libc-socket.ts';
import { familyOf } from '../../../../lib/ip.ts';
import { RawSocket } from './raw-socket.ts';

const IPPROTO_SCTP = 132;
const INIT = 1;
const INIT_ACK = 2;
/** The parameter of an INIT ACK that is the server's own affair: ours carries the answer. */
const STATE_COOKIE = 7;
const COMMON_HEADER = 12;
const INIT_SIZE = 20;
const CHUNK_TYPE = COMMON_HEADER;
const INITIATE_TAG = COMMON_HEADER + 4;

interface Packet {
  readonly sport: number;
  readonly dport: number;
  /** What the receiver chose; zero in an INIT. */
  readonly tag: number;
  readonly type: number;
  readonly cookie: string;
}

/** After how many milliseconds an unanswered INIT is sent again: any packet may be lost. */
const REPEAT = 150;

/** Answers every INIT to the port, in both families. */
export function serveSCTP(port: number, answer: (from: string) => string): void {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const socket = new RawSocket(
      { family, protocol: IPPROTO_SCTP },
      ({ from, bytes }) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        if (bytes.length < COMMON_HEADER + INIT_SIZE || view.getUint16(2) !== port) return;
        if (bytes[CHUNK_TYPE] !== INIT) return;
        const reply = { sport: port, dport: view.getUint16(0), tag: view.getUint32(INITIATE_TAG) };
        socket.send(from, encode({ ...reply, type: INIT_ACK, cookie: answer(from) }));
      },
      () => {},
    );
  }
}

export interface SCTPQuestion {
  readonly host: string;
  readonly port: number;
  readonly localPort: number;
  readonly localAddress?: string | undefined;
  /** Milliseconds. */
  readonly patience: number;
}

/** The text of the server's INIT ACK, the code of an error, or TIMEOUT. */
export function askSCTP({ host, port, localPort, localAddress, patience }: SCTPQuestion): Promise<string> {
  return new Promise((resolve) => {
    const finish = (answer: string) => {
      clearTimeout(timer);
      clearInterval(repeat);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('TIMEOUT'), patience);
    const options = { family: familyOf(host) ?? 'IPv4', protocol: IPPROTO_SCTP, peer: host, localAddress };
    const socket = new RawSocket(
      options,
      ({ bytes }) => {
        const packet = decode(bytes);
        if (packet.type === INIT_ACK && packet.sport === port && packet.dport === localPort)
          finish(packet.cookie.trimEnd());
      },
      finish,
    );
    const init = encode({ sport: localPort, dport: port, tag: 0, type: INIT, cookie: '' });
    const send = () => {
      try {
        socket.send(host, init);
      } catch (error) {
        // What a rule of this machine refuses fails at once; the ICMP error that tells why comes to the socket behind it.
        if (!(error instanceof SystemCallError && error.code === 'EPERM')) throw error;
      }
    };
    const repeat = setInterval(send, REPEAT);
    send();
  });
}

function encode({ sport, dport, tag, type, cookie }: Packet): Uint8Array {
  const text = new TextEncoder().encode(cookie);
  const parameter = text.length === 0 ? 0 : 4 + text.length;
  const padded = Math.ceil(parameter / 4) * 4;
  const bytes = new Uint8Array(COMMON_HEADER + INIT_SIZE + padded);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sport);
  view.setUint16(2, dport);
  view.setUint32(4, tag);
  view.setUint8(CHUNK_TYPE, type);
  view.setUint16(COMMON_HEADER + 2, INIT_SIZE + parameter);
  view.setUint32(INITIATE_TAG, 0x70737401);
  view.setUint32(COMMON_HEADER + 8, 65536); // receiver window
  view.setUint16(COMMON_HEADER + 12, 1); // streams out
  view.setUint16(COMMON_HEADER + 14, 1); // streams in
  if (parameter > 0) {
    view.setUint16(COMMON_HEADER + INIT_SIZE, STATE_COOKIE);
    view.setUint16(COMMON_HEADER + INIT_SIZE + 2, parameter);
    bytes.set(text, COMMON_HEADER + INIT_SIZE + 4);
  }
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}

function decode(bytes: Uint8Array): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < COMMON_HEADER + INIT_SIZE) return { sport: 0, dport: 0, tag: 0, type: 0, cookie: '' };
  const at = COMMON_HEADER + INIT_SIZE;
  const size = bytes.length >= at + 4 ? view.getUint16(at + 2) : 0;
  const cookie = new TextDecoder().decode(bytes.subarray(at + 4, at + size));
  const [sport, dport, tag] = [view.getUint16(0), view.getUint16(2), view.getUint32(4)];
  return { sport, dport, tag, type: bytes[CHUNK_TYPE] ?? 0, cookie };
}

/** RFC 9260, appendix A: with a wrong one, connection tracking calls the packet invalid. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
