/** Which cluster IPs a Service gets. Pure but for the random choice. */
import { chooseClusterIP, isUsableClusterIP } from '../../alloc/cluster-ip.ts';
import { invalidValue } from '../../api/field-errors.ts';
import type { Cause } from '../../api/status.ts';
import { type CIDR, type IPAddress, type IPFamily, parseIP, printCIDR, printIP } from '../../lib/ip.ts';
import type { Random } from '../../lib/random.ts';
import { desiredFamilies, type Spec } from './families.ts';

export interface ClusterIPPool {
  /** At most one per family, the primary family first. */
  readonly ranges: readonly CIDR[];
  readonly isTaken: (ip: IPAddress) => boolean;
  readonly random: Random;
}

export type ClusterIPs =
  | { readonly ok: true; readonly spec: Spec }
  | { readonly ok: false; readonly exhausted: boolean; readonly causes: readonly Cause[] };

/** The spec with its families and an address of each. Addresses that it names already are kept. */
export function allocateClusterIPs(spec: Spec, old: Spec | undefined, pool: ClusterIPPool): ClusterIPs {
  if (spec.type === 'ExternalName') return { ok: true, spec };
  const cluster = pool.ranges.map(({ base }) => base.family);
  const families = desiredFamilies(spec, old?.type === 'ExternalName' ? undefined : old, cluster);
  if (!families.ok) return { ok: false, exhausted: false, causes: families.causes };
  const { ipFamilies, ipFamilyPolicy } = families;
  if (spec.clusterIP === 'None')
    return { ok: true, spec: { ...spec, ipFamilies, ipFamilyPolicy, clusterIPs: ['None'] } };
  const clusterIPs: string[] = [];
  for (const [i, family] of ipFamilies.entries()) {
    const ip = spec.clusterIPs?.[i] || choose(family, pool);
    if (ip === undefined) return exhausted(i, family, pool);
    clusterIPs.push(ip);
  }
  const [clusterIP = ''] = clusterIPs;
  return { ok: true, spec: { ...spec, ipFamilies, ipFamilyPolicy, clusterIP, clusterIPs } };
}

function choose(family: IPFamily, { ranges, isTaken, random }: ClusterIPPool): string | undefined {
  const range = rangeOf(family, ranges);
  if (range === undefined) return undefined;
  // The first address of the first range is that of the API's own Service.
  const isReserved = (ip: IPAddress) => range === ranges[0] && ip.value === range.base.value + 1n;
  const ip = chooseClusterIP(range, (ip) => isReserved(ip) || isTaken(ip), random);
  return ip && printIP(ip);
}

function rangeOf(family: IPFamily, ranges: readonly CIDR[]): CIDR | undefined {
  return ranges.find(({ base }) => base.family === family);
}

function exhausted(i: number, family: IPFamily, { ranges }: ClusterIPPool): ClusterIPs {
  const range = rangeOf(family, ranges);
  const message = `no ${family} cluster IP is free: all of ${range ? printCIDR(range) : 'no range'} are allocated; delete a Service, or start the server with a larger Service range`;
  return {
    ok: false,
    exhausted: true,
    causes: [{ field: `spec.clusterIPs[${i}]`, reason: 'FieldValueInvalid', message }],
  };
}

/** Mistakes in an address that a spec names and does not hold yet. */
export function outsideRange(ip: string, clusterIPs: readonly string[], ranges: readonly CIDR[]): readonly Cause[] {
  const parsed = parseIP(ip);
  const range = parsed && rangeOf(parsed.family, ranges);
  if (parsed !== undefined && range !== undefined && isUsableClusterIP(range, parsed)) return [];
  const valid = range ? printCIDR(range) : ranges.map(printCIDR).join(' and ');
  const why = `failed to allocate IP ${ip}: the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${valid}`;
  return [invalidValue('spec.clusterIPs', clusterIPs, why)];
}
