/** Whether anyone changed the rules since they were looked at, without reading a single one. */
import { type LibcSocket, libcSocket, SystemCallError } from '../../host/libc-socket.ts';
import { HEADER, NFGENMSG, NFNL_SUBSYS_NFTABLES, netfilterSocket } from '../../host/netlink.ts';

// linux/netlink.h, linux/netfilter/nf_tables.h; messages are numbered within the subsystem.
const NLM_F_REQUEST = 1;
const NEWGEN = (NFNL_SUBSYS_NFTABLES << 8) | 15;
const GETGEN = (NFNL_SUBSYS_NFTABLES << 8) | 16;
const NFTA_GEN_ID = 1;

/** The number of transactions that nf_tables has seen in this network namespace. Undefined: it does not answer. */
export async function rulesetGeneration(): Promise<number | undefined> {
  const libc = await libcSocket();
  return unlessRefused(() => {
    const fd = netfilterSocket(libc);
    try {
      libc.send(fd, generationRequest());
      const buffer = new Uint8Array(4096);
      const length = libc.recv(fd, buffer);
      return length === undefined ? undefined : readGeneration(buffer.subarray(0, length));
    } finally {
      libc.close(fd);
    }
  });
}

function generationRequest(): Uint8Array {
  const bytes = new Uint8Array(HEADER + NFGENMSG);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, GETGEN, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  view.setUint32(8, 1, true);
  return bytes;
}

/** Undefined for what is no such answer. */
export function readGeneration(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER + NFGENMSG || view.getUint16(4, true) !== NEWGEN) return undefined;
  for (let at = HEADER + NFGENMSG; at + 8 <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4) return undefined;
    if (view.getUint16(at + 2, true) === NFTA_GEN_ID) return view.getUint32(at + 4, false);
    at += (length + 3) & ~3;
  }
  return undefined;
}

// linux/netfilter_ipv4/ip_tables.h and linux/netfilter_ipv6/ip6_tables.h: struct ipt_getinfo, the same for both families.
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const IPPROTO_RAW = 255;
const GET_INFO = 64;
const INFO_SIZE = 84;
const NUM_ENTRIES = 76;
/** Socket domain and the level of its options. */
const FAMILIES = [
  [2, 0],
  [10, 41],
] as const;

/** The number of entries in legacy's tables of both families: rules, and two for each chain. Undefined: it does not answer. */
export async function legacyEntries(): Promise<number | undefined> {
  const libc = await libcSocket();
  return unlessRefused(() => {
    let total = 0;
    for (const [domain, level] of FAMILIES) {
      for (const table of ['nat', 'filter']) total += entriesOf(libc, { domain, level, table });
    }
    return total;
  });
}

function entriesOf(libc: LibcSocket, of: { domain: number; level: number; table: string }): number {
  const fd = libc.socket(of.domain, SOCK_RAW_CLOEXEC, IPPROTO_RAW);
  try {
    const info = new Uint8Array(INFO_SIZE);
    info.set(Buffer.from(of.table));
    libc.getsockopt(fd, of.level, GET_INFO, info);
    return new DataView(info.buffer).getUint32(NUM_ENTRIES, true);
  } finally {
    libc.close(fd);
  }
}

function unlessRefused(ask: () => number | undefined): number | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  }
}
