/** Which cluster IPs a Service gets. Pure but for the random choice. */
import { chooseClusterIP, isUsableClusterIP } from '../../alloc/cluster-ip.ts';
import { invalidValue } from '../../api/field-errors.ts';
import type { Cause } from '../../api/status.ts';
import { type CIDR, cidrContains, type IPAddress, type IPFamily, parseIP, printCIDR, printIP } from '../../lib/ip.ts';
import type { Random } from '../../lib/random.ts';
import { desiredFamilies, type Spec } from './families.ts';
import type { ServiceRange } from './service-ranges.ts';

export interface ClusterIPPool {
  /** The families of the cluster, the primary first. */
  readonly families: readonly IPFamily[];
  /** In the order in which they are used up. */
  readonly ranges: readonly ServiceRange[];
  readonly isTaken: (ip: IPAddress) => boolean;
  readonly random: Random;
}

/** `exhausted`: nothing is wrong with the spec, and there is none left to be had. */
export type ClusterIPs =
  | { readonly kind: 'allocated'; readonly spec: Spec }
  | { readonly kind: 'refused'; readonly causes: readonly Cause[] }
  | { readonly kind: 'exhausted'; readonly why: string };

/** The spec with its families and an address of each. Addresses that it names already are kept. */
export function allocateClusterIPs(spec: Spec, old: Spec | undefined, pool: ClusterIPPool): ClusterIPs {
  if (spec.type === 'ExternalName') return { kind: 'allocated', spec };
  const families = desiredFamilies(spec, old?.type === 'ExternalName' ? undefined : old, pool.families);
  if (!families.ok) return { kind: 'refused', causes: families.causes };
  const { ipFamilies, ipFamilyPolicy } = families;
  if (spec.clusterIP === 'None') {
    return { kind: 'allocated', spec: { ...spec, ipFamilies, ipFamilyPolicy, clusterIPs: ['None'] } };
  }
  const clusterIPs: string[] = [];
  for (const [i, family] of ipFamilies.entries()) {
    const ip = spec.clusterIPs?.[i] || choose(family, pool);
    if (ip === undefined) return exhausted(family, pool);
    clusterIPs.push(ip);
  }
  const [clusterIP = ''] = clusterIPs;
  return { kind: 'allocated', spec: { ...spec, ipFamilies, ipFamilyPolicy, clusterIP, clusterIPs } };
}

function choose(family: IPFamily, pool: ClusterIPPool): string | undefined {
  for (const cidr of readyRanges(family, pool.ranges)) {
    const ip = chooseClusterIP(cidr, pool.isTaken, pool.random);
    if (ip !== undefined) return printIP(ip);
  }
  return undefined;
}

function readyRanges(family: IPFamily, ranges: readonly ServiceRange[]): readonly CIDR[] {
  return ranges.filter(({ isReady, cidr }) => isReady && cidr.base.family === family).map(({ cidr }) => cidr);
}

/** The words of Kubernetes, and after them what can be done. */
function exhausted(family: IPFamily, { ranges }: ClusterIPPool): ClusterIPs {
  const ready = readyRanges(family, ranges).map(printCIDR);
  const why = ready.length === 0 ? 'no ServiceCIDR of it is ready' : `all of ${ready.join(' and ')} are allocated`;
  const hint = `no ${family} cluster IP is free: ${why}; delete a Service, or add a ServiceCIDR`;
  return { kind: 'exhausted', why: `failed to allocate a serviceIP: range is full: ${hint}` };
}

/** The ready range that an address can be given from; undefined when there is none. */
export function rangeOf(ip: string, ranges: readonly ServiceRange[]): ServiceRange | undefined {
  const parsed = parseIP(ip);
  return parsed && ranges.find(({ isReady, cidr }) => isReady && isUsableClusterIP(cidr, parsed));
}

/** Why an address that a spec names and does not hold yet cannot be given. */
export function outsideRanges(ip: string, clusterIPs: readonly string[], ranges: readonly ServiceRange[]): Cause {
  const parsed = parseIP(ip);
  const around = ranges.filter(({ cidr }) => parsed !== undefined && cidrContains(cidr, parsed));
  const [ready] = around.filter(({ isReady }) => isReady);
  const [leaving] = around;
  const valid = (all: readonly ServiceRange[]) => all.map(({ cidr }) => printCIDR(cidr)).join(', ');
  const why = ready
    ? `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${valid([ready])}, without its first address and an IPv4 broadcast address`
    : leaving
      ? `the provided network does not match the current range: ServiceCIDR ${leaving.name} is not ready, or is being deleted`
      : `the provided network does not match the current range. The range of valid IPs is ${valid(ranges)}`;
  return invalidValue('spec.clusterIPs', clusterIPs, `failed to allocate IP ${ip}: ${why}`);
}
