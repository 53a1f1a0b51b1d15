/** Which ports of the node lead to pods: leases in, elements of maps out. */
import { type CIDR, cidrContains, type IPFamily, mustParseIP, printIP } from '../../lib/ip.ts';
import { isContainerLease, type Lease, type LeasedHostPort } from '../leases.ts';

/** An element of one of the maps and sets of `ruleset.ts`. */
export interface HostPortElement {
  readonly family: IPFamily;
  readonly set: 'at-address' | 'at-any' | 'own';
  /** As nftables writes it. */
  readonly key: string;
  /** Where packets are sent instead; none in a set. */
  readonly value?: string;
}

/** By set and key. Of two pods that want the same port the one that came last has it: the other is on its way out. */
export type HostPorts = ReadonlyMap<string, HostPortElement>;

/** Which ports of the node lead to which pods. */
export function desiredHostPorts(leases: readonly Lease[], podCIDRs: readonly CIDR[]): HostPorts {
  const elements = leases.filter(isContainerLease).flatMap((lease) => elementsOf(lease, podCIDRs));
  return new Map(elements.map((element) => [`${element.family} ${element.set} ${element.key}`, element]));
}

/** An address from before the node was given other prefixes leads nowhere. */
function elementsOf(lease: Lease, podCIDRs: readonly CIDR[]): readonly HostPortElement[] {
  const { hostPorts = [] } = lease;
  if (hostPorts.length === 0) return [];
  const addresses = lease.addresses.map(mustParseIP).filter((ip) => podCIDRs.some((cidr) => cidrContains(cidr, ip)));
  return addresses.flatMap((ip): HostPortElement[] => {
    const [family, address] = [ip.family, printIP(ip)];
    const ports = hostPorts.flatMap((port): HostPortElement[] => {
      const frontend = frontendOf(port, family);
      return frontend === undefined ? [] : [{ family, ...frontend, value: `${address} . ${port.containerPort}` }];
    });
    return ports.length === 0 ? [] : [...ports, { family, set: 'own', key: `${address} . ${address}` }];
  });
}

/** Undefined for a port that is at an address of the other family only. */
function frontendOf(port: LeasedHostPort, family: IPFamily): Pick<HostPortElement, 'set' | 'key'> | undefined {
  const where = `${port.protocol.toLowerCase()} . ${port.hostPort}`;
  const { hostIP } = port;
  if (hostIP === undefined) return { set: 'at-any', key: where };
  const address = mustParseIP(hostIP);
  if (address.family !== family) return undefined;
  // 0.0.0.0 and :: stand for all addresses of their family.
  return address.value === 0n ? { set: 'at-any', key: where } : { set: 'at-address', key: `${hostIP} . ${where}` };
}
