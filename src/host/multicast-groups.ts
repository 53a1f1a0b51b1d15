/**
 * Membership in IPv6 multicast groups on one interface. The kernel reports it to the network (MLD, RFC 3810), so that
 * switches which look into it send the group's frames here. Nothing is received through the socket that holds it.
 */

import { ipBytes, mustParseIP } from '../lib/ip.ts';
import { type LibcSocket, libcSocket } from './libc-socket.ts';

export interface MulticastGroups {
  /** Joins a group. Joining twice needs leaving twice. */
  join(group: string): void;
  leave(group: string): void;
  /** Leaves every group. */
  close(): void;
}

export type OpenMulticastGroups = (interfaceName: string) => Promise<MulticastGroups>;

const AF_INET6 = 10;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const IPPROTO_IPV6 = 41;
const IPV6_JOIN_GROUP = 20;
const IPV6_LEAVE_GROUP = 21;

export const openMulticastGroups: OpenMulticastGroups = async (interfaceName) => {
  const libc = await libcSocket();
  const ifindex = libc.ifIndex(interfaceName);
  if (ifindex === 0) throw new Error(`multicast groups: there is no interface ${JSON.stringify(interfaceName)}`);
  return new LinuxMulticastGroups(libc, libc.socket(AF_INET6, SOCK_DGRAM_CLOEXEC, 0), ifindex);
};

class LinuxMulticastGroups implements MulticastGroups {
  readonly #libc: LibcSocket;
  readonly #fd: number;
  readonly #ifindex: number;
  /** How often each group was joined: the kernel takes a socket's membership once. */
  readonly #joined = new Map<string, number>();
  #open = true;

  constructor(libc: LibcSocket, fd: number, ifindex: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#ifindex = ifindex;
  }

  join(group: string): void {
    const count = this.#joined.get(group) ?? 0;
    if (count === 0) this.#libc.setsockopt(this.#fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, this.#request(group));
    this.#joined.set(group, count + 1);
  }

  leave(group: string): void {
    const count = this.#joined.get(group);
    if (count === undefined) return;
    if (count > 1) {
      this.#joined.set(group, count - 1);
      return;
    }
    this.#joined.delete(group);
    this.#libc.setsockopt(this.#fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, this.#request(group));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#libc.close(this.#fd);
  }

  /** `struct ipv6_mreq`. */
  #request(group: string): Uint8Array {
    const bytes = new Uint8Array(20);
    bytes.set(ipBytes(mustParseIP(group)), 0);
    new DataView(bytes.buffer).setInt32(16, this.#ifindex, true);
    return bytes;
  }
}
