/**
 * Messages for nf_tables, sent to the kernel as they are: for bulk that libnftables would take longer to read than the
 * kernel to carry out. https://docs.kernel.org/networking/netlink_spec/nftables.html
 */
import { getSystemErrorMap } from 'node:util';
import { type LibcSocket, libcSocket, SystemCallError } from './libc-socket.ts';
import { HEADER, NFGENMSG, NFNL_SUBSYS_NFTABLES, NLMSG_ERROR, netfilterSocket } from './netlink.ts';
import { NftError } from './nft.ts';

// linux/netlink.h and linux/netfilter/nfnetlink.h
const NLM_F_REQUEST = 1;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

/** Bytes of messages in one batch: a few milliseconds of work, and less than the 208 KiB that the kernel takes from anyone. */
export const BATCH_LIMIT = 96 * 1024;

/** Room for one answer with the header of what it is about. */
const BUFFER = 8192;

/**
 * Carries out messages as one transaction, in the network namespace of this process. It takes effect before the promise
 * resolves, and holds up the event loop for about 5 ms at {@link BATCH_LIMIT}. Throws {@link NftError}: nothing took effect.
 */
export async function sendNftBatch(messages: readonly Uint8Array[]): Promise<void> {
  const libc = await libcSocket();
  const fd = netfilterSocket(libc);
  try {
    const bytes = Buffer.concat([boundary(NFNL_MSG_BATCH_BEGIN), ...messages, boundary(NFNL_MSG_BATCH_END)]);
    if (libc.send(fd, bytes) === undefined) throw new NftError('', 'the kernel has no memory for a batch');
    refuseErrors(libc, fd);
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw new NftError('', `netlink: ${cause.message}`, { cause });
  } finally {
    libc.close(fd);
  }
}

/** The kernel works while it is sent to: what it has to say is there at once, and it is silent when all went well. */
function refuseErrors(libc: LibcSocket, fd: number): void {
  const answer = new Uint8Array(BUFFER);
  const length = libc.recv(fd, answer);
  if (length === undefined || length < HEADER + 4) return;
  const view = new DataView(answer.buffer);
  const errno = view.getInt32(HEADER, true);
  if (view.getUint16(4, true) !== NLMSG_ERROR || errno === 0) return;
  const [code, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'unknown error'];
  throw new NftError('', `netlink: ${code}: ${text}`);
}

/** The message that begins or ends a batch. */
function boundary(type: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + NFGENMSG);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  view.setUint16(HEADER + 2, NFNL_SUBSYS_NFTABLES); // In network byte order, as all of nfgenmsg's numbers.
  return bytes;
}
