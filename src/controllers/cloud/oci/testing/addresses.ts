/** Addresses that load balancers get, and the reserved ones that they take and leave. */
import { addIP, type IPFamily, mustParseCIDR, printIP } from '../../../../lib/ip.ts';
import type { Cloud, PublicIp, Subnet } from './cloud.ts';
import { conflict, invalid, relatedNotFound } from './failure.ts';

export interface Address {
  readonly ipAddress: string;
  readonly isPublic: boolean;
  readonly ipVersion: 'IPV4' | 'IPV6';
  readonly reservedIp?: { readonly id: string };
}

/** Every public IPv6 address is one of its subnet; IPv4 addresses are from a pool that has no other place. */
const PUBLIC_POOL = mustParseCIDR('198.18.0.0/15');

/** What a subnet of IPv6 alone has in place of its IPv4 prefix. */
export const NO_PREFIX = '<null>';

export function prefixOf(subnet: Subnet, family: IPFamily): string | undefined {
  if (family === 'IPv6') return subnet.ipv6CidrBlock ?? subnet.ipv6CidrBlocks?.[0];
  return subnet.cidrBlock === NO_PREFIX ? undefined : subnet.cidrBlock;
}

export function privateAddress(cloud: Cloud, subnet: Subnet, family: IPFamily): Address {
  const prefix = prefixOf(subnet, family);
  if (prefix === undefined) throw invalid(`Subnet ${subnet.id} has no ${family} prefix.`);
  // Far enough from the start to leave the first addresses to nodes.
  const ipAddress = printIP(addIP(mustParseCIDR(prefix).base, 256 + cloud.nextAddress()));
  return { ipAddress, isPublic: false, ipVersion: family === 'IPv4' ? 'IPV4' : 'IPV6' };
}

/** `owner`: the load balancer. */
export function publicAddress(
  cloud: Cloud,
  subnet: Subnet,
  family: IPFamily,
  owner: string,
  reserved?: string,
): Address {
  if (family === 'IPv6') return { ...privateAddress(cloud, subnet, family), isPublic: true };
  if (reserved !== undefined) {
    const { ipAddress } = cloud.publicIps.patch(reserved, assignedTo(owner)).value;
    return { ipAddress: String(ipAddress), isPublic: true, ipVersion: 'IPV4', reservedIp: { id: reserved } };
  }
  const id = cloud.newId('publicip');
  const ipAddress = printIP(addIP(PUBLIC_POOL.base, 256 + cloud.nextAddress()));
  const made: PublicIp = { id, ipAddress, lifetime: 'EPHEMERAL', scope: 'REGION', compartmentId: cloud.compartmentId };
  cloud.publicIps.put({ ...made, ...assignedTo(owner) });
  return { ipAddress, isPublic: true, ipVersion: 'IPV4' };
}

const assignedTo = (owner: string): Partial<PublicIp> => ({
  lifecycleState: 'ASSIGNED',
  assignedEntityId: owner,
  assignedEntityType: 'PRIVATE_IP',
});

/** A reserved address can be asked for while nothing else has it. */
export function checkReserved(cloud: Cloud, id: string): void {
  const found = cloud.publicIps.get(id);
  if (found === undefined) throw relatedNotFound(id);
  if (found.lifetime !== 'RESERVED') throw invalid(`Public IP ${id} is not a reserved one.`);
  if (found.assignedEntityId !== undefined) throw conflict(`Public IP ${id} is assigned to ${found.assignedEntityId}.`);
}

/** What a load balancer had: reserved addresses stay, and are free again. */
export function releaseAddresses(cloud: Cloud, owner: string): void {
  for (const one of cloud.publicIps.all()) {
    if (one.assignedEntityId !== owner || one.id === undefined) continue;
    const { assignedEntityId: _, assignedEntityType: __, ...rest } = one;
    if (one.lifetime === 'RESERVED') cloud.publicIps.put({ ...rest, lifecycleState: 'UNASSIGNED' });
    else cloud.publicIps.delete(one.id);
  }
}
