/** What firewalld is told for pods, as data: a zone, two policies and the sets of prefixes that they refer to, all by our name. */
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { POD_SERVICES, type PodTraffic } from '../backend.ts';
import { ofFamily } from '../ruleset/prefixes.ts';

/** The zone of the bridge of pods. Whatever begins so among zones, policies and ipsets is ours. */
export const POD_ZONE = 'postern';
const [TO_PODS, FROM_PODS] = [`${POD_ZONE}-to-pods`, `${POD_ZONE}-from-pods`] as const;

/** Settings that are not said are firewalld's own defaults. */
export interface ZoneSettings {
  readonly interfaces: readonly string[];
  readonly ports: readonly (readonly [string, string])[];
}

export interface PolicySettings {
  readonly ingressZones: readonly string[];
  readonly egressZones: readonly string[];
  readonly richRules: readonly string[];
}

/** Of the type `hash:net`. */
export interface IPSetSettings {
  readonly family: IPFamily;
  readonly entries: readonly string[];
}

export interface PodObjects {
  readonly zone: ZoneSettings;
  readonly policies: ReadonlyMap<string, PolicySettings>;
  readonly ipsets: ReadonlyMap<string, IPSetSettings>;
}

export const POD_POLICIES: readonly string[] = [TO_PODS, FROM_PODS];

const ipsetOf = (role: 'peers' | 'pods', family: IPFamily): string =>
  `${POD_ZONE}-${role}-${family === 'IPv4' ? 'ipv4' : 'ipv6'}`;

export const POD_IPSETS: readonly string[] = IP_FAMILIES.flatMap((family) => [
  ipsetOf('peers', family),
  ipsetOf('pods', family),
]);

/**
 * A zone without a target refuses what it does not name, but for ICMP. Only the entries of the sets change as nodes come and go: they need
 * no reload.
 */
export function podObjects({ bridge, pods, peers }: PodTraffic): PodObjects {
  const rule = (family: IPFamily, end: string) => `rule family="${family.toLowerCase()}" ${end} accept`;
  const from = (family: IPFamily) => rule(family, `source ipset="${ipsetOf('peers', family)}"`);
  const to = (family: IPFamily) => rule(family, `destination ipset="${ipsetOf('pods', family)}"`);
  const ipset = (role: 'peers' | 'pods', prefixes: readonly string[]) =>
    IP_FAMILIES.map((family): [string, IPSetSettings] => {
      return [ipsetOf(role, family), { family, entries: ofFamily(prefixes, family).map(entryOf) }];
    });
  return {
    zone: { interfaces: [bridge], ports: POD_SERVICES.map(({ protocol, port }) => [String(port), protocol]) },
    policies: new Map([
      [TO_PODS, { ingressZones: ['ANY'], egressZones: [POD_ZONE], richRules: IP_FAMILIES.map(from) }],
      [FROM_PODS, { ingressZones: [POD_ZONE], egressZones: ['ANY'], richRules: IP_FAMILIES.map(to) }],
    ]),
    ipsets: new Map([...ipset('peers', peers), ...ipset('pods', pods)]),
  };
}

/** As firewalld lists them: a single address without its length. */
const entryOf = (prefix: string): string => prefix.replace(/(?<=\.\d+)\/32$|(?<=:.*)\/128$/, '');

/** Whether two lists have the same members. */
export const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && new Set([...a, ...b]).size === a.length;
