/**
 * Counts the rules of one nftables table, by asking the kernel over netlink. libnftables reads every element of every
 * set before it lists anything, which takes seconds where there are many; this reads rules only.
 * https://docs.kernel.org/networking/netlink_spec/nftables.html
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type LibcSocket, libcSocket, SystemCallError } from './libc-socket.ts';
import { HEADER, NFGENMSG, NFNL_SUBSYS_NFTABLES, NLMSG_ERROR, netfilterSocket } from './netlink.ts';

// linux/netlink.h
const NLMSG_DONE = 3;
const NLM_F_REQUEST_DUMP = 0x301;
/** The dump was cut by a change; what came may be neither before nor after it. */
const NLM_F_DUMP_INTR = 0x10;

// linux/netfilter/nf_tables.h; messages are numbered within the subsystem.
const SUBSYSTEM = NFNL_SUBSYS_NFTABLES << 8;
const NEWRULE = SUBSYSTEM | 6;
const GETRULE = SUBSYSTEM | 7;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const FAMILIES = { ip: 2, ip6: 10 } as const;

/** A dump comes in buffers of up to 32 KiB. */
const BUFFER = 65536;
/** More than any table of ours has; a dump without an end must not keep us. */
const MAX_BUFFERS = 4096;

/** The rules are being changed so often that they could not be read at one moment, or the kernel gave no answer. */
export class RuleDumpError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RuleDumpError';
  }
}

/** The number of rules of each chain that has any; no chains when there is no such table. Throws {@link RuleDumpError}. */
export async function countRules(family: 'ip' | 'ip6', table: string): Promise<ReadonlyMap<string, number>> {
  const libc = await libcSocket();
  for (let attempt = 0; attempt < 5; attempt++) {
    const counts = await dump(libc, family, table);
    if (counts !== undefined) return counts;
  }
  throw new RuleDumpError(`the rules of table ${family} ${table} changed while they were read, five times over`);
}

/** Undefined when the dump was cut by a change. */
async function dump(
  libc: LibcSocket,
  family: 'ip' | 'ip6',
  table: string,
): Promise<ReadonlyMap<string, number> | undefined> {
  const fd = netfilterSocket(libc);
  try {
    libc.send(fd, encodeRequest(family, table));
    const counter = new RuleCounter(table);
    const buffer = new Uint8Array(BUFFER);
    for (let i = 0; i < MAX_BUFFERS && !counter.done; i++) {
      const length = libc.recv(fd, buffer);
      if (length === undefined) await turn();
      else counter.read(buffer.subarray(0, length));
    }
    if (!counter.done) throw new RuleDumpError(`the kernel did not finish telling the rules of ${family} ${table}`);
    return counter.interrupted ? undefined : counter.counts;
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw new RuleDumpError(`cannot read the rules of table ${family} ${table}: ${cause.message}`, { cause });
  } finally {
    libc.close(fd);
  }
}

/** The request for all rules of a table: netlink header, nfgenmsg, and the table's name as an attribute. */
export function encodeRequest(family: 'ip' | 'ip6', table: string): Uint8Array {
  const name = Buffer.from(`${table}\0`);
  const attribute = 4 + name.length;
  const bytes = new Uint8Array(HEADER + NFGENMSG + align(attribute));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, GETRULE, true);
  view.setUint16(6, NLM_F_REQUEST_DUMP, true);
  view.setUint32(8, 1, true);
  view.setUint8(HEADER, FAMILIES[family]);
  view.setUint16(HEADER + NFGENMSG, attribute, true);
  view.setUint16(HEADER + NFGENMSG + 2, NFTA_RULE_TABLE, true);
  bytes.set(name, HEADER + NFGENMSG + 4);
  return bytes;
}

/** Reads the answer, buffer by buffer. */
export class RuleCounter {
  readonly counts = new Map<string, number>();
  done = false;
  interrupted = false;
  readonly #table: string;

  constructor(table: string) {
    this.#table = table;
  }

  /** Whole messages, as one receive gives them. What is cut short is left out. */
  read(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + HEADER <= bytes.length; ) {
      const length = view.getUint32(at, true);
      if (length < HEADER || at + length > bytes.length) return;
      this.#message(view.getUint16(at + 4, true), view.getUint16(at + 6, true), bytes.subarray(at, at + length));
      at += align(length);
    }
  }

  #message(type: number, flags: number, message: Uint8Array): void {
    if ((flags & NLM_F_DUMP_INTR) !== 0) this.interrupted = true;
    if (type === NLMSG_DONE || type === NLMSG_ERROR) this.done = true;
    if (type !== NEWRULE) return;
    const attributes = readAttributes(message.subarray(HEADER + NFGENMSG));
    const chain = attributes.get(NFTA_RULE_CHAIN);
    // Kernels before 4.18 do not filter by table.
    if (chain === undefined || attributes.get(NFTA_RULE_TABLE) !== this.#table) return;
    this.counts.set(chain, (this.counts.get(chain) ?? 0) + 1);
  }
}

/** The texts of the attributes that are names. */
function readAttributes(bytes: Uint8Array): ReadonlyMap<number, string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names = new Map<number, string>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    const type = view.getUint16(at + 2, true);
    if (type === NFTA_RULE_TABLE || type === NFTA_RULE_CHAIN) {
      names.set(type, Buffer.from(bytes.subarray(at + 4, at + length - 1)).toString());
    }
    at += align(length);
  }
  return names;
}

const align = (length: number): number => (length + 3) & ~3;
