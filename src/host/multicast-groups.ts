/**
 * Membership in IPv6 multicast groups on one interface. The kernel reports it to the network (MLD, RFC 3810), so that
 * switches which look into it send the group's frames here. Nothing is received through the socket that holds it.
 */

import { ipBytes, mustParseIP } from '../lib/ip.ts';
import { type LibcSocket, libcSocket } from './libc-socket.ts';
import { paced } from './paced.ts';

export interface MulticastGroups {
  /** Joins a group. Joining twice needs leaving twice. */
  join(group: string): void;
  /** Soon, not at once. */
  leave(group: string): void;
  /** Leaves every group, soon. */
  close(): void;
}

export type OpenMulticastGroups = (interfaceName: string) => Promise<MulticastGroups>;

const AF_INET6 = 10;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const IPPROTO_IPV6 = 41;
const IPV6_JOIN_GROUP = 20;
const IPV6_LEAVE_GROUP = 21;

/**
 * Groups that one socket joins. The kernel charges each to the socket's option memory (net.core.optmem_max), of which
 * there is, before Linux 6.9, by default as much as for 365.
 */
const GROUPS_PER_SOCKET = 256;

export const openMulticastGroups: OpenMulticastGroups = async (interfaceName) => {
  const libc = await libcSocket();
  const ifindex = libc.ifIndex(interfaceName);
  if (ifindex === 0) throw new Error(`multicast groups: there is no interface ${JSON.stringify(interfaceName)}`);
  return new LinuxMulticastGroups(libc, interfaceName, ifindex);
};

/** A socket, and how many groups it has joined. */
interface Member {
  readonly fd: number;
  groups: number;
}

/** A group, and how often it was joined: the kernel takes a socket's membership once. */
interface Membership {
  readonly member: Member;
  count: number;
}

class LinuxMulticastGroups implements MulticastGroups {
  readonly #libc: LibcSocket;
  readonly #name: string;
  readonly #ifindex: number;
  readonly #members: Member[] = [];
  /** Those with a count of 0 are about to be left. */
  readonly #joined = new Map<string, Membership>();
  readonly #unwanted = new Set<string>();
  #leaving = false;

  constructor(libc: LibcSocket, name: string, ifindex: number) {
    this.#libc = libc;
    this.#name = name;
    this.#ifindex = ifindex;
  }

  join(group: string): void {
    this.#unwanted.delete(group);
    const joined = this.#joined.get(group);
    if (joined !== undefined) {
      joined.count++;
      return;
    }
    const member = this.#members.find(({ groups }) => groups < GROUPS_PER_SOCKET) ?? this.#addMember();
    try {
      this.#libc.setsockopt(member.fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, this.#request(group));
    } catch (cause) {
      throw new Error(`cannot join ${group} on interface ${this.#name}: is IPv6 switched on there?`, { cause });
    }
    member.groups++;
    this.#joined.set(group, { member, count: 1 });
  }

  leave(group: string): void {
    const joined = this.#joined.get(group);
    if (joined === undefined || joined.count === 0 || --joined.count > 0) return;
    this.#unwanted.add(group);
    if (!this.#leaving) void this.#leaveUnwanted();
  }

  close(): void {
    this.#joined.clear();
    this.#unwanted.clear();
    for (const { fd } of this.#members.splice(0)) void this.#libc.closeInPool(fd);
  }

  /** In short turns: the kernel looks for each group among all that the interface listens to. */
  async #leaveUnwanted(): Promise<void> {
    this.#leaving = true;
    const pace = paced();
    for (const group of this.#unwanted) {
      await pace();
      const joined = this.#joined.get(group);
      if (joined === undefined || !this.#unwanted.delete(group)) continue;
      this.#joined.delete(group);
      joined.member.groups--;
      this.#libc.setsockopt(joined.member.fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, this.#request(group));
    }
    this.#leaving = false;
  }

  #addMember(): Member {
    const member = { fd: this.#libc.socket(AF_INET6, SOCK_DGRAM_CLOEXEC, 0), groups: 0 };
    this.#members.push(member);
    return member;
  }

  /** `struct ipv6_mreq`. */
  #request(group: string): Uint8Array {
    const bytes = new Uint8Array(20);
    bytes.set(ipBytes(mustParseIP(group)), 0);
    new DataView(bytes.buffer).setInt32(16, this.#ifindex, true);
    return bytes;
  }
}
