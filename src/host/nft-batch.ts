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

/** Bytes of messages in one batch: less than the 208 KiB that the kernel takes from anyone. */
export const BATCH_LIMIT = 96 * 1024;

/** Room for one answer with the header of what it is about. */
const BUFFER = 8192;
/** A batch has fewer messages than this, and no more answers than messages. */
const MAX_ANSWERS = 4096;

/**
 * A conversation with nf_tables in the network namespace of this process. It begins with the first batch and lasts: whenever
 * one ends, the kernel first waits, some 10 ms, until no processor looks any more at what was deleted lately.
 */
export class NftSocket {
  #open: { readonly libc: LibcSocket; readonly fd: number } | undefined;

  /**
   * Carries out messages as one transaction, which takes effect before the promise resolves. Throws {@link NftError}:
   * nothing took effect. Not to be called again before that.
   */
  async send(messages: readonly Uint8Array[]): Promise<void> {
    try {
      const { libc, fd } = await this.#opened();
      const bytes = Buffer.concat([boundary(NFNL_MSG_BATCH_BEGIN), ...messages, boundary(NFNL_MSG_BATCH_END)]);
      // By the pool: the kernel lets nobody change rules while somebody else does.
      const sent = await libc.sendInPool(fd, bytes);
      if (sent === undefined) throw new NftError('', 'the kernel has no memory for a batch');
      refuseErrors(libc, fd);
    } catch (cause) {
      if (!(cause instanceof SystemCallError)) throw cause;
      this.close();
      throw new NftError('', `netlink: ${cause.message}`, { cause });
    }
  }

  close(): void {
    this.#open?.libc.close(this.#open.fd);
    this.#open = undefined;
  }

  async #opened(): Promise<{ readonly libc: LibcSocket; readonly fd: number }> {
    const libc = await libcSocket();
    this.#open ??= { libc, fd: netfilterSocket(libc) };
    return this.#open;
  }
}

/** The kernel works while it is sent to: what it has to say is there at once, and it is silent when all went well. */
function refuseErrors(libc: LibcSocket, fd: number): void {
  const answer = new Uint8Array(BUFFER);
  let refused: number | undefined;
  for (let i = 0; i < MAX_ANSWERS; i++) {
    const length = libc.recv(fd, answer);
    if (length === undefined) break;
    // Of several mistakes, the first is what the others may follow from.
    refused ??= errnoOf(answer.subarray(0, length));
  }
  if (refused === undefined) return;
  const [code, text] = getSystemErrorMap().get(refused) ?? [`errno ${-refused}`, 'unknown error'];
  throw new NftError('', `netlink: ${code}: ${text}`);
}

/** The errno of an answer, such as -1 for EPERM; undefined for one without. */
function errnoOf(answer: Uint8Array): number | undefined {
  if (answer.length < HEADER + 4) return undefined;
  const view = new DataView(answer.buffer, answer.byteOffset);
  const errno = view.getInt32(HEADER, true);
  return view.getUint16(4, true) === NLMSG_ERROR && errno !== 0 ? errno : undefined;
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
