/** What every conversation with nf_tables over netlink begins with: the socket, and the shape of a message. */
import type { LibcSocket } from './libc-socket.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_NETFILTER = 12;

/** Bytes of `struct nlmsghdr`, which begins every message (linux/netlink.h). */
export const HEADER = 16;
/** Type of the message that answers a request with an error number, 0 for none (linux/netlink.h). */
export const NLMSG_ERROR = 2;
/** Bytes of `struct nfgenmsg`, which follows it (linux/netfilter/nfnetlink.h). */
export const NFGENMSG = 4;
/** Number of nf_tables among the netfilter subsystems (linux/netfilter/nfnetlink.h). */
export const NFNL_SUBSYS_NFTABLES = 10;

/** A socket to netfilter in the network namespace of this process, whose calls do not wait. The caller closes it. */
export function netfilterSocket(libc: LibcSocket): number {
  return libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_NETFILTER);
}
