/**
 * Long answers over netlink. The kernel walks its tables within the calls that send the request and receive the answer,
 * for as long as it finds nothing to tell: with a filter and a large table, for hundreds of milliseconds. So these calls
 * are made by the thread pool.
 */
import { getSystemErrorMap } from 'node:util';
import { libcSocket } from './libc-socket.ts';
import { NLMSG_ERROR, netfilterSocket } from './netlink.ts';
import { type NetlinkMessage, readMessages } from './netlink-message.ts';

// linux/netlink.h
const NLMSG_DONE = 3;
/** What is dumped was changed meanwhile; what came may be neither what was before nor what is after. */
const NLM_F_DUMP_INTR = 0x10;

/** The kernel fills up to 32 KiB for each receive. */
const BUFFER = 65536;
/** A dump without an end must not keep us: this is 8 GiB. */
const MAX_RECEIVES = 262_144;

/** The kernel refused a request. `code` is the name of its errno: `EPERM`. */
export class NetlinkError extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(`netlink: ${code}: ${text}`);
    this.name = 'NetlinkError';
    this.code = code;
  }
}

/** The error of an answer that has an errno, such as -1 for EPERM. */
export function netlinkError(errno: number): NetlinkError {
  const [code, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'unknown error'];
  return new NetlinkError(code, text);
}

export interface DumpOptions {
  /** Throw `EINTR` when what is dumped changes meanwhile, where the kernel can tell. Default: such a dump goes on. */
  readonly atOneMoment?: boolean;
}

/**
 * Asks netfilter for a dump, in the network namespace of this process, and yields its messages, a receive at a time; they
 * are good until the next is asked for. Throws {@link NetlinkError}, or SystemCallError when there are no such sockets.
 */
export async function* netfilterDump(
  request: Uint8Array,
  { atOneMoment = false }: DumpOptions = {},
): AsyncGenerator<readonly NetlinkMessage[], void, void> {
  const libc = await libcSocket();
  const fd = netfilterSocket(libc);
  try {
    if ((await libc.sendInPool(fd, request)) === undefined)
      throw new NetlinkError('ENOBUFS', 'no memory for a request');
    const buffer = new Uint8Array(BUFFER);
    for (let i = 0; i < MAX_RECEIVES; i++) {
      const length = await libc.recvInPool(fd, buffer);
      if (length === undefined) break;
      const messages = [...readMessages(buffer.subarray(0, length))];
      if (atOneMoment && messages.some(wasCut)) throw new NetlinkError('EINTR', 'what was read changed meanwhile');
      yield messages.filter(({ type }) => type !== NLMSG_DONE && type !== NLMSG_ERROR);
      if (messages.some(isEnd)) return;
    }
    throw new NetlinkError('EPROTO', 'the kernel did not finish its answer');
  } finally {
    libc.close(fd);
  }
}

const wasCut = ({ flags }: NetlinkMessage): boolean => (flags & NLM_F_DUMP_INTR) !== 0;

/** Throws when the dump ended early. */
function isEnd({ type, payload }: NetlinkMessage): boolean {
  if (type !== NLMSG_DONE && type !== NLMSG_ERROR) return false;
  const errno = payload.length < 4 ? 0 : new DataView(payload.buffer, payload.byteOffset).getInt32(0, true);
  if (errno < 0) throw netlinkError(errno);
  return true;
}
