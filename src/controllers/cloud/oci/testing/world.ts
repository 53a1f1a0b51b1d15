/** The network that tests begin with: a VCN, two subnets for load balancers, one for nodes, and what an administrator let through. */
import { addIP, mustParseCIDR, printIP } from '../../../../lib/ip.ts';
import { NO_PREFIX, prefixOf } from './addresses.ts';
import type { Cloud, Instance, PublicIp, SecurityList, Subnet } from './cloud.ts';
import { REGION } from './cloud.ts';

/** Ids of what there is. */
export interface World {
  readonly compartmentId: string;
  readonly vcnId: string;
  readonly subnet1: string;
  readonly subnet2: string;
  readonly nodeSubnet: string;
  /** By the id of the subnet. */
  readonly securityLists: Readonly<Record<string, string>>;
}

const VCN_PREFIXES = { IPv4: '10.0.0.0/16', IPv6: '2001:db8:100::/56' };

export function furnish(cloud: Cloud): World {
  const vcnId = cloud.newId('vcn');
  cloud.vcns.put({
    id: vcnId,
    compartmentId: cloud.compartmentId,
    displayName: 'cluster',
    cidrBlock: VCN_PREFIXES.IPv4,
    cidrBlocks: [VCN_PREFIXES.IPv4],
    ipv6CidrBlocks: [VCN_PREFIXES.IPv6],
    lifecycleState: 'AVAILABLE',
    timeCreated: cloud.now(),
  });
  const nodes = addSubnet(cloud, {
    vcnId,
    name: 'nodes',
    cidrBlock: '10.0.0.0/20',
    ipv6CidrBlock: '2001:db8:100::/64',
  });
  const one = addSubnet(cloud, { vcnId, name: 'lb1', cidrBlock: '10.0.16.0/20', ipv6CidrBlock: '2001:db8:100:1::/64' });
  const two = addSubnet(cloud, { vcnId, name: 'lb2', cidrBlock: '10.0.32.0/20', ipv6CidrBlock: '2001:db8:100:2::/64' });
  return {
    compartmentId: cloud.compartmentId,
    vcnId,
    subnet1: one.id,
    subnet2: two.id,
    nodeSubnet: nodes.id,
    securityLists: Object.fromEntries(
      [nodes, one, two].map((subnet) => [subnet.id, subnet.securityListIds?.[0] ?? '']),
    ),
  };
}

export interface NewSubnet {
  readonly vcnId: string;
  readonly name: string;
  readonly cidrBlock?: string;
  readonly ipv6CidrBlock?: string;
  /** Unless said it is regional. */
  readonly availabilityDomain?: string;
  /** Whether nothing in it has a public address. */
  readonly isPrivate?: boolean;
  /** Its lists; one of its own unless said. */
  readonly securityListIds?: readonly string[];
}

export function addSubnet(cloud: Cloud, { vcnId, name, isPrivate = false, ...asked }: NewSubnet): Subnet {
  const { cidrBlock, ipv6CidrBlock, securityListIds, availabilityDomain } = asked;
  return cloud.subnets.put({
    id: cloud.newId('subnet'),
    compartmentId: cloud.compartmentId,
    vcnId,
    displayName: name,
    lifecycleState: 'AVAILABLE',
    prohibitPublicIpOnVnic: isPrivate,
    prohibitInternetIngress: isPrivate,
    routeTableId: cloud.newId('routetable'),
    securityListIds: securityListIds ?? [addSecurityList(cloud, vcnId, name).id],
    timeCreated: cloud.now(),
    virtualRouterMac: '00:00:17:00:00:01',
    cidrBlock: cidrBlock ?? NO_PREFIX,
    ipv4CidrBlocks: cidrBlock === undefined ? [] : [cidrBlock],
    ...(availabilityDomain === undefined ? {} : { availabilityDomain }),
    ...(ipv6CidrBlock === undefined ? {} : { ipv6CidrBlock, ipv6CidrBlocks: [ipv6CidrBlock] }),
  }).value;
}

/** A list with the rules that a new VCN has: SSH, what ICMP must tell, and everything outward. */
export function addSecurityList(cloud: Cloud, vcnId: string, name: string): SecurityList {
  const common = { isStateless: false, sourceType: 'CIDR_BLOCK' } as const;
  return cloud.securityLists.put({
    id: cloud.newId('securitylist'),
    compartmentId: cloud.compartmentId,
    vcnId,
    displayName: `${name} security list`,
    lifecycleState: 'AVAILABLE',
    timeCreated: cloud.now(),
    freeformTags: {},
    definedTags: {},
    ingressSecurityRules: [
      { ...common, protocol: '6', source: '0.0.0.0/0', tcpOptions: { destinationPortRange: { min: 22, max: 22 } } },
      { ...common, protocol: '1', source: '0.0.0.0/0', icmpOptions: { type: 3, code: 4 } },
      { ...common, protocol: '1', source: VCN_PREFIXES.IPv4, icmpOptions: { type: 3 }, description: 'within the VCN' },
    ],
    egressSecurityRules: [
      { isStateless: false, protocol: 'all', destination: '0.0.0.0/0', destinationType: 'CIDR_BLOCK' },
    ],
  }).value;
}

export interface NewNode {
  readonly name: string;
  readonly subnetId: string;
  /** Unless said, addresses are the next free ones of the subnet; public only where said. */
  readonly privateIp?: string;
  readonly ipv6?: string;
  readonly publicIp?: string;
  readonly shape?: string;
}

/** A node of the cluster as the cloud has it. */
export interface CloudNode {
  readonly name: string;
  readonly instanceId: string;
  readonly vnicId: string;
  readonly privateIp: string;
  readonly ipv6: string | undefined;
}

export function addNode(cloud: Cloud, { name, subnetId, shape, publicIp, ...given }: NewNode): CloudNode {
  const subnet = cloud.subnets.get(subnetId);
  if (subnet === undefined) throw new Error(`there is no subnet ${subnetId}`);
  const host = 10 + cloud.vnics.all().length;
  const privateIp = given.privateIp ?? hostOf(prefixOf(subnet, 'IPv4'), host);
  if (privateIp === undefined) throw new Error(`subnet ${subnetId} has no IPv4 prefix`);
  const ipv6 = given.ipv6 ?? hostOf(prefixOf(subnet, 'IPv6'), host);
  const common = {
    availabilityDomain: `Test:${REGION.toUpperCase()}-AD-${1 + (host % 3)}`,
    compartmentId: cloud.compartmentId,
    displayName: name,
    timeCreated: cloud.now(),
  };
  const instance: Instance = {
    ...common,
    id: cloud.newId('instance'),
    faultDomain: `FAULT-DOMAIN-${1 + (host % 3)}`,
    lifecycleState: 'RUNNING',
    region: REGION,
    shape: shape ?? 'VM.Standard.E4.Flex',
  };
  const vnic = cloud.vnics.put({
    ...common,
    id: cloud.newId('vnic'),
    hostnameLabel: name,
    isPrimary: true,
    lifecycleState: 'AVAILABLE',
    macAddress: '00:00:17:00:00:02',
    nsgIds: [],
    privateIp,
    ...(publicIp === undefined ? {} : { publicIp }),
    skipSourceDestCheck: false,
    subnetId,
    ...(ipv6 === undefined ? {} : { ipv6Addresses: [ipv6] }),
  }).value;
  cloud.instances.put(instance);
  cloud.vnicAttachments.put({
    ...common,
    id: cloud.newId('vnicattachment'),
    instanceId: instance.id,
    lifecycleState: 'ATTACHED',
    nicIndex: 0,
    subnetId,
    vnicId: vnic.id,
  });
  return { name, instanceId: instance.id, vnicId: vnic.id, privateIp, ipv6 };
}

const hostOf = (prefix: string | undefined, host: number) =>
  prefix === undefined ? undefined : printIP(addIP(mustParseCIDR(prefix).base, host));

/** A public address that stays when nothing has it. */
export function reservePublicIp(cloud: Cloud, ipAddress: string): PublicIp {
  return cloud.publicIps.put({
    id: cloud.newId('publicip'),
    ipAddress,
    compartmentId: cloud.compartmentId,
    lifetime: 'RESERVED',
    scope: 'REGION',
    lifecycleState: 'UNASSIGNED',
    timeCreated: cloud.now(),
  }).value;
}
