/** What an instance is to its node: who names it, where it is in the network, and what of it goes into the Node. Pure. */
import type { Node } from '../../../api/core/v1/node.ts';
import { cidrContains, mustParseCIDR, parseIP, printIP } from '../../../lib/ip.ts';
import type { NodeFacts } from '../provider.ts';
import type { ComputeCalls, NetworkCalls } from './calls.ts';

export type Instance = Awaited<ReturnType<ComputeCalls['getInstance']>>['instance'];
export type Vnic = Awaited<ReturnType<NetworkCalls['getVnic']>>['vnic'];

/** An instance, by the VNIC through which its node is reached. */
export interface NodePlace {
  /** OCIDs. */
  readonly instance: string;
  readonly compartment: string;
  readonly vnic: string;
  readonly subnet: string;
  /** Network security groups that the VNIC is in. */
  readonly groups: readonly string[];
  readonly privateAddress: string | undefined;
  readonly publicAddress: string | undefined;
  readonly ipv6Addresses: readonly string[];
  /** As the API has it: `eu-frankfurt-1`, or `phx` in the oldest ones. */
  readonly region: string;
  /** With its tenancy's prefix: `Uocm:PHX-AD-1`. */
  readonly availabilityDomain: string;
  readonly faultDomain: string | undefined;
  readonly shape: string;
}

const PROVIDER = 'oci://';

/** fc00::/7, RFC 4193 section 3.1: no address that others reach. */
const UNIQUE_LOCAL = mustParseCIDR('fc00::/7');

/** The instance that a providerID names: `oci://ocid1.instance…`, or the OCID alone. Undefined: it is another cloud's. */
export function instanceOf(providerID: string): string | undefined {
  const id = providerID.startsWith(PROVIDER) ? providerID.slice(PROVIDER.length) : providerID;
  return id.startsWith('ocid1.instance.') ? id : undefined;
}

/** What is written to the Node. Labels: https://kubernetes.io/docs/reference/labels-annotations-taints/ */
export function factsOf(place: NodePlace): NodeFacts {
  const { privateAddress, publicAddress, ipv6Addresses, faultDomain } = place;
  const zone = place.availabilityDomain.slice(place.availabilityDomain.indexOf(':') + 1);
  return {
    providerID: PROVIDER + place.instance,
    addresses: [
      ...(privateAddress === undefined ? [] : [{ type: 'InternalIP' as const, address: privateAddress }]),
      ...ipv6Addresses.map(
        (address) => ({ type: isInternal(address) ? 'InternalIP' : 'ExternalIP', address }) as const,
      ),
      ...(publicAddress === undefined ? [] : [{ type: 'ExternalIP' as const, address: publicAddress }]),
    ],
    labels: {
      'topology.kubernetes.io/region': place.region,
      'topology.kubernetes.io/zone': zone,
      'node.kubernetes.io/instance-type': place.shape,
      ...(faultDomain === undefined ? {} : { 'oci.oraclecloud.com/fault-domain': faultDomain }),
    },
  };
}

/** Undefined: the VNIC is in a VLAN, which has no security lists. */
export function placeOf(instance: Instance, vnic: Vnic): NodePlace | undefined {
  const { id, compartmentId, region, availabilityDomain, faultDomain, shape } = instance;
  if (!vnic.subnetId) return undefined;
  return {
    instance: id,
    compartment: compartmentId,
    vnic: vnic.id,
    subnet: vnic.subnetId,
    groups: vnic.nsgIds ?? [],
    privateAddress: vnic.privateIp || undefined,
    publicAddress: vnic.publicIp || undefined,
    ipv6Addresses: (vnic.ipv6Addresses ?? []).map(canonical),
    region,
    availabilityDomain,
    faultDomain: faultDomain || undefined,
    shape,
  };
}

/** Whether it is, or will be, there no more. */
export const isGoing = ({ lifecycleState }: Instance): boolean =>
  lifecycleState === 'TERMINATING' || lifecycleState === 'TERMINATED';

/** Those within the network, in canonical form. */
export function addressesOf({ status }: Node): readonly string[] {
  return (status?.addresses ?? []).flatMap(({ type, address }) => (type === 'InternalIP' ? [canonical(address)] : []));
}

/** As {@link addressesOf}. */
export function addressesOfVnic({ privateIp, ipv6Addresses }: Vnic): readonly string[] {
  return [...(privateIp ? [privateIp] : []), ...(ipv6Addresses ?? [])].map(canonical);
}

function isInternal(address: string): boolean {
  const ip = parseIP(address);
  return ip !== undefined && cidrContains(UNIQUE_LOCAL, ip);
}

function canonical(address: string): string {
  const ip = parseIP(address);
  return ip === undefined ? address : printIP(ip);
}
