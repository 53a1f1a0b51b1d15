/** Connection tracking of this process's network namespace, over ctnetlink, without a program. */
import { setImmediate as turn } from 'node:timers/promises';
import { type LibcSocket, libcSocket, SystemCallError } from '../../host/libc-socket.ts';
import { NLMSG_ERROR, netfilterSocket } from '../../host/netlink.ts';
import { NetlinkError, netfilterDump, netlinkError } from '../../host/netlink-dump.ts';
import { readMessages } from '../../host/netlink-message.ts';
import { type Conntrack, ConntrackError, type Flow, type FlowFilter, selects } from './conntrack.ts';
import { decodeFlow, encodeDelete, encodeDump } from './messages.ts';

/** Flows deleted between two turns of the event loop: under a millisecond, and refusals of all fit a socket's buffer. */
const BATCH = 64;
/** Room for the refusal of one deletion. */
const BUFFER = 4096;

/** Needs the privilege CAP_NET_ADMIN, and a kernel with ctnetlink (CONFIG_NF_CT_NETLINK). */
export const kernelConntrack: Conntrack = {
  async *flows(filter: FlowFilter) {
    try {
      for await (const messages of netfilterDump(encodeDump(filter))) {
        const flows = messages.map(decodeFlow).filter((flow) => flow !== undefined && selects(filter, flow));
        if (flows.length > 0) yield flows as readonly Flow[];
      }
    } catch (cause) {
      throw refusal('cannot list flows', cause);
    }
  },

  async delete(flows: readonly Flow[]): Promise<number> {
    const libc = await libcSocket();
    let deleted = 0;
    try {
      const fd = netfilterSocket(libc);
      try {
        for (let at = 0; at < flows.length; at += BATCH) {
          if (at > 0) await turn();
          deleted += deleteBatch(libc, fd, flows.slice(at, at + BATCH));
        }
      } finally {
        libc.close(fd);
      }
    } catch (cause) {
      throw refusal('cannot delete flows', cause);
    }
    return deleted;
  },
};

/** The kernel works while it is sent to, and is silent about what went well: refusals are there at once. */
function deleteBatch(libc: LibcSocket, fd: number, flows: readonly Flow[]): number {
  if (libc.send(fd, Buffer.concat(flows.map(encodeDelete))) === undefined) {
    throw new NetlinkError('ENOBUFS', 'no memory for a request');
  }
  let deleted = flows.length;
  const buffer = new Uint8Array(BUFFER);
  for (;;) {
    const length = libc.recv(fd, buffer);
    if (length === undefined) return deleted;
    for (const { type, payload } of readMessages(buffer.subarray(0, length))) {
      if (type !== NLMSG_ERROR || payload.length < 4) continue;
      const error = netlinkError(new DataView(payload.buffer, payload.byteOffset).getInt32(0, true));
      if (error.code !== 'ENOENT') throw error;
      deleted--; // It ended by itself, or another has taken its place.
    }
  }
}

function refusal(what: string, cause: unknown): unknown {
  if (!(cause instanceof NetlinkError) && !(cause instanceof SystemCallError)) return cause;
  return new ConntrackError(`${what}: ${cause.message}`, { cause });
}
