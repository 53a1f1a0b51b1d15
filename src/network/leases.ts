/**
 * Which addresses the node's guests have, as pure data. A lease lasts as long as its pod, so that a guest keeps its
 * addresses over restarts of everything else.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { addIP, type CIDR, cidrContains, type IPAddress, lastIP, parseIP, printIP } from '../lib/ip.ts';
import { eui64Address, parseMAC, printMAC } from '../lib/mac.ts';
import { linkLocalOfMAC } from './link-local.ts';
import type { HostPort, PortRequest } from './pod-network.ts';

/** What the names of the ports of all pods begin with, and those of veth pairs among them. */
export const PORT_PREFIX = 'pst';
export const VETH_PREFIX = `${PORT_PREFIX}v`;

/** Milliseconds for which a released address is not given out again: connections to its last owner die out. */
const COOL_DOWN = 60_000;

/** Where the pod's end of a veth pair is. */
export interface LeasedNamespace {
  readonly path: string;
  readonly interfaceName: string;
  readonly sandbox?: string;
}

/** As it is kept on disk; see `HostPort`. */
export interface LeasedHostPort {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly hostPort: number;
  readonly containerPort: number;
  readonly hostIP?: string;
}

/** One guest's or pod's place on the network, as it is kept on disk. */
export interface Lease {
  readonly podUID: string;
  readonly podKey: string;
  readonly hostname: string;
  readonly device: string;
  readonly mac: string;
  /** In the order of the node's pod CIDRs. */
  readonly addresses: readonly string[];
  /** Of a pod of containers; a guest has none, and a tap. */
  readonly namespace?: LeasedNamespace;
  readonly hostPorts?: readonly LeasedHostPort[];
}

/** A pod's of containers. */
export type ContainerLease = Lease & { readonly namespace: LeasedNamespace };

export interface LeaseTable {
  readonly leases: readonly Lease[];
  /** Addresses that were released, and when (wall clock, milliseconds). */
  readonly released: readonly { readonly address: string; readonly at: number }[];
}

export const EMPTY_TABLE: LeaseTable = { leases: [], released: [] };

export type LeaseOutcome =
  | { readonly kind: 'leased'; readonly lease: Lease; readonly table: LeaseTable }
  | { readonly kind: 'refused'; readonly why: 'no-free-address' | 'mac-in-use' | 'bad-mac'; readonly message: string };

/** Gives a pod its lease: the one it has, with what is asked for now; else a new one. */
export function leaseFor(
  table: LeaseTable,
  request: PortRequest,
  podCIDRs: readonly CIDR[],
  now: number,
): LeaseOutcome {
  const present = table.leases.find((lease) => lease.podUID === request.podUID);
  if (present !== undefined && fits(present, podCIDRs)) return renewed(table, present, request);
  const others = table.leases.filter((lease) => lease !== present);
  const macBytes = request.mac === undefined ? derivedMAC(request.podUID) : parseMAC(request.mac);
  if (macBytes === undefined || ((macBytes[0] ?? 1) & 1) === 1) {
    return { kind: 'refused', why: 'bad-mac', message: `${request.mac} is not a unicast MAC address` };
  }
  const mac = printMAC(macBytes);
  const owner = others.find((lease) => lease.mac === mac);
  if (owner !== undefined) {
    return { kind: 'refused', why: 'mac-in-use', message: `MAC ${mac} is that of ${owner.podKey} on this node` };
  }
  const addresses: string[] = [];
  for (const cidr of podCIDRs) {
    const address =
      cidr.base.family === 'IPv6' ? eui64Address(cidr, macBytes) : lowestFree(cidr, { ...table, leases: others }, now);
    if (address === undefined) {
      return {
        kind: 'refused',
        why: 'no-free-address',
        message: `all addresses of ${printIP(cidr.base)}/${cidr.prefix} are in use`,
      };
    }
    addresses.push(printIP(address));
  }
  const lease: Lease = { ...asked(request), mac, addresses };
  const released = table.released.filter((entry) => entry.at + COOL_DOWN > now);
  return { kind: 'leased', lease, table: { leases: [...others, lease], released } };
}

/** The same addresses, for what may be another sandbox than the one before. */
function renewed(table: LeaseTable, present: Lease, request: PortRequest): LeaseOutcome {
  const { mac, addresses } = present;
  const lease: Lease = { ...asked(request), mac, addresses };
  if (isDeepStrictEqual(lease, present)) return { kind: 'leased', lease: present, table };
  const others = table.leases.filter((each) => each !== present);
  return { kind: 'leased', lease, table: { ...table, leases: [...others, lease] } };
}

/** What of a lease is the request's own. */
function asked(request: PortRequest): Omit<Lease, 'mac' | 'addresses'> {
  const { podUID, podKey, hostname, namespace: path, sandbox, interfaceName = 'eth0', hostPorts = [] } = request;
  const common = {
    ...{ podUID, podKey, hostname },
    device: deviceName(podUID, path === undefined ? 'tap' : 'veth'),
    ...(hostPorts.length === 0 ? {} : { hostPorts: hostPorts.map(kept) }),
  };
  if (path === undefined) return common;
  return { ...common, namespace: { path, interfaceName, ...(sandbox === undefined ? {} : { sandbox }) } };
}

function kept({ protocol, hostPort, containerPort, hostIP }: HostPort): LeasedHostPort {
  return { protocol, hostPort, containerPort, ...(hostIP === undefined ? {} : { hostIP: printIP(hostIP) }) };
}

export function isContainerLease(lease: Lease): lease is ContainerLease {
  return lease.namespace !== undefined;
}

/** Takes a pod's lease back. */
export function withoutLease(table: LeaseTable, podUID: string, now: number): LeaseTable {
  const gone = table.leases.find((lease) => lease.podUID === podUID);
  if (gone === undefined) return table;
  const released = table.released.filter((entry) => entry.at + COOL_DOWN > now);
  return {
    leases: table.leases.filter((lease) => lease !== gone),
    released: [...released, ...gone.addresses.map((address) => ({ address, at: now }))],
  };
}

/** The link-local address that a guest forms of its MAC. */
export function linkLocalOf(lease: Pick<Lease, 'mac' | 'podKey'>): string {
  const mac = parseMAC(lease.mac);
  if (mac === undefined) throw new Error(`the lease of ${lease.podKey} has no MAC: ${JSON.stringify(lease.mac)}`);
  return printIP(linkLocalOfMAC(mac));
}

/**
 * Name of a pod's device on the bridge. Linux allows 15 characters. What follows the prefix is hexadecimal for taps, so a `v`
 * tells veth pairs from them.
 */
export function deviceName(podUID: string, kind: 'tap' | 'veth' = 'tap'): string {
  const digits = createHash('sha256').update(podUID).digest('hex').slice(0, 11);
  return `${kind === 'tap' ? PORT_PREFIX : VETH_PREFIX}${digits}`;
}

/** A locally administered unicast MAC that is always the same for a pod. */
function derivedMAC(podUID: string): Uint8Array {
  const hash = createHash('sha256').update(`mac ${podUID}`).digest();
  return Uint8Array.from([0x02, ...hash.subarray(0, 5)]);
}

/** A node that was given other pod CIDRs gives its guests other addresses. */
function fits(lease: Lease, podCIDRs: readonly CIDR[]): boolean {
  return (
    lease.addresses.length === podCIDRs.length &&
    podCIDRs.every((cidr, i) => {
      const address = parseIP(lease.addresses[i] ?? '');
      return address !== undefined && cidrContains(cidr, address);
    })
  );
}

/** The network address, the node's own (the first) and the broadcast address are never given out. */
function lowestFree(cidr: CIDR, table: LeaseTable, now: number): IPAddress | undefined {
  const taken = new Set(table.leases.flatMap((lease) => lease.addresses));
  const cooling = new Map(table.released.map(({ address, at }) => [address, at]));
  const end = lastIP(cidr).value;
  let coolest: { ip: IPAddress; at: number } | undefined;
  for (let ip = addIP(cidr.base, 2); ip.value < end; ip = addIP(ip, 1)) {
    const text = printIP(ip);
    if (taken.has(text)) continue;
    const at = cooling.get(text);
    if (at === undefined || at + COOL_DOWN <= now) return ip;
    if (coolest === undefined || at < coolest.at) coolest = { ip, at };
  }
  // Rather an address that rested too short than none.
  return coolest?.ip;
}
