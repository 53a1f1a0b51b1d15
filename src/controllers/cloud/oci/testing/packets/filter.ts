/**
 * Whether security lists and groups let a packet through. Rules of both count together: one that lets it through is enough.
 * https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/securityrules.htm
 */
import { type CIDR, cidrContains, mustParseCIDR, parseCIDR } from '../../../../../lib/ip.ts';
import type { Cloud, SecurityRule } from '../cloud.ts';

export type Direction = 'INGRESS' | 'EGRESS';

/** Where rules apply: something's subnet, and the groups that it is in. */
export interface Place {
  readonly name: string;
  readonly subnetIds: readonly string[];
  readonly groups: readonly string[];
}

/** What a rule sees of a packet. */
export interface Seen {
  /** The other end: all addresses that it may have. */
  readonly peer: CIDR;
  readonly peerGroups: readonly string[];
  readonly protocol: 'TCP' | 'UDP';
  /** That it is for. */
  readonly port: number;
}

const NUMBERS = { TCP: '6', UDP: '17' };

/** Undefined: it is let through. What is in several subnets has to be reached in each of them. */
export function refusal(cloud: Cloud, place: Place, direction: Direction, seen: Seen): string | undefined {
  const ofGroups = groupRules(cloud, place.groups, direction);
  for (const subnetId of place.subnetIds) {
    const rules = [...listRules(cloud, subnetId, direction), ...ofGroups];
    if (rules.some((rule) => matches(rule, direction, seen))) continue;
    const subnet = cloud.subnets.get(subnetId)?.displayName;
    return `${direction} of ${place.name} in ${subnet}: nothing lets ${seen.protocol} ${seen.port} through`;
  }
  return undefined;
}

type Rule = Omit<SecurityRule, 'direction'>;

const listRules = (cloud: Cloud, subnetId: string, direction: Direction) =>
  (cloud.subnets.get(subnetId)?.securityListIds ?? []).flatMap((id): readonly Rule[] => {
    const list = cloud.securityLists.get(id);
    return (direction === 'INGRESS' ? list?.ingressSecurityRules : list?.egressSecurityRules) ?? [];
  });

const groupRules = (cloud: Cloud, groups: readonly string[], direction: Direction) =>
  groups.flatMap((id) => cloud.securityRules.get(id) ?? []).filter((rule) => rule.direction === direction);

function matches(rule: Rule, direction: Direction, { peer, peerGroups, protocol, port }: Seen): boolean {
  if (rule.protocol !== 'all' && rule.protocol !== NUMBERS[protocol]) return false;
  const range = (protocol === 'TCP' ? rule.tcpOptions : rule.udpOptions)?.destinationPortRange;
  if (range && (port < range.min || port > range.max)) return false;
  const said = direction === 'INGRESS' ? rule.source : rule.destination;
  const type = direction === 'INGRESS' ? rule.sourceType : rule.destinationType;
  if (said === undefined) return false;
  if (type === 'NETWORK_SECURITY_GROUP') return peerGroups.includes(said);
  const prefix = parseCIDR(said);
  return prefix !== undefined && covers(prefix, peer);
}

function covers(prefix: CIDR, inner: CIDR): boolean {
  return prefix.prefix <= inner.prefix && cidrContains(prefix, inner.base);
}

/** An address as a prefix of it alone. */
export const alone = (address: string): CIDR => mustParseCIDR(`${address}/${address.includes(':') ? 128 : 32}`);
