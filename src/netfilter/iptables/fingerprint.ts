/** Whether anyone changed the rules since they were looked at, without reading a single one. */
import { type LibcSocket, libcSocket, SystemCallError } from '../../host/libc-socket.ts';
import { NFGENMSG, NFNL_SUBSYS_NFTABLES, netfilterSocket } from '../../host/netlink.ts';
import { message, readAttributes, readMessages } from '../../host/netlink-message.ts';

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
      libc.send(fd, message(GETGEN, NLM_F_REQUEST, [new Uint8Array(NFGENMSG)]));
      const buffer = new Uint8Array(4096);
      const length = libc.recv(fd, buffer);
      return length === undefined ? undefined : readGeneration(buffer.subarray(0, length));
    } finally {
      libc.close(fd);
    }
  });
}

/** Undefined for what is no such answer. */
function readGeneration(bytes: Uint8Array): number | undefined {
  for (const { type, payload } of readMessages(bytes)) {
    const id = type === NEWGEN ? readAttributes(payload.subarray(NFGENMSG)).get(NFTA_GEN_ID) : undefined;
    if (id?.length === 4) return new DataView(id.buffer, id.byteOffset).getUint32(0);
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
