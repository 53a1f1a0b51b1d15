/** What of a Service is to be let in on this node, from the Service alone: the same Service, the same answer. */
import { isLeftAlone, isPort, transportOf } from '../../api/core/v1/service.forwarding.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { type CIDR, type IPAddress, type IPFamily, parseCIDR, parseIP, printIP } from '../../lib/ip.ts';
import { canBeEntrance } from '../../lib/special-addresses.ts';
import type { TransportProtocol } from '../../netfilter/model.ts';
import { admissionKey, type Opening, type OpeningKind } from '../backend.ts';
import { type FirewallPolicy, policyOf } from './policy.ts';
import { widest } from './sources.ts';

/** The node whose firewall it is. */
export interface Place {
  /** Where clients reach node ports and whatever else the node itself serves; each in canonical form. */
  readonly addresses: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Where a Service does not say. */
  readonly policy: FirewallPolicy;
  /** Whether its firewall can do what the policy `enforce` asks. */
  readonly enforces: boolean;
}

export interface Exposure {
  readonly openings: readonly Opening[];
  /** What of the Service cannot be read, so that less is opened than meant. */
  readonly mistake?: string;
}

const CANNOT_ENFORCE = 'its policy is enforce, which the firewall of this node cannot do: nothing is changed there';

const NOTHING: Exposure = { openings: [] };

/** What a Service exposes to who is outside the cluster, in the families that it has. */
export function exposureOf(service: Service, place: Place): Exposure {
  const asked = wholeExposure(service, place);
  if (asked.length === 0) return NOTHING;
  const { policy, mistake } = policyOf(service, place.labels, place.policy);
  if (policy === 'none') return mistake === undefined ? NOTHING : { openings: [], mistake };
  if (policy === 'enforce' && !place.enforces) return { openings: [], mistake: CANNOT_ENFORCE };
  return { openings: policy === 'managed' ? asked : asked.map((one) => ({ ...one, policy })) };
}

/** What a Service exposes and the firewall is left alone for, whatever the reason: as it would be opened. */
export function leftAlone(service: Service, place: Place): readonly Opening[] {
  return exposureOf(service, place).openings.length > 0 ? [] : wholeExposure(service, place);
}

/** As if its policy were to open all of it. */
function wholeExposure(service: Service, place: Place): readonly Opening[] {
  const { spec = {} } = service;
  if (spec.type === 'ExternalName' || isLeftAlone(service)) return [];
  const families = new Set(addressesIn(spec.clusterIPs ?? [spec.clusterIP ?? '']).map(({ family }) => family));
  if (families.size === 0) return [];
  const owner = keyText(keyOf(service));
  // Later ones count: an address that is an external IP too is limited as the load balancer's.
  const openings = new Map<string, Opening>();
  for (const { kind, ip, protocol, port, ranges } of entrancesOf(service, place)) {
    if (!families.has(ip.family)) continue;
    const { family } = ip;
    const sources = ranges.length === 0 ? undefined : allowed(ranges, family);
    if (sources?.length === 0) continue;
    const to = { family, address: printIP(ip), protocol, port };
    const opening: Opening = { owner, kind, ...to, policy: 'managed', ...(sources === undefined ? {} : { sources }) };
    openings.set(admissionKey(opening), opening);
  }
  return [...openings.values()];
}

interface Entrance {
  readonly kind: OpeningKind;
  readonly ip: IPAddress;
  readonly protocol: TransportProtocol;
  readonly port: number;
  /** As the Service has them; none: anyone. */
  readonly ranges: readonly string[];
}

function entrancesOf({ spec = {}, status }: Service, place: Place): readonly Entrance[] {
  const isBalanced = spec.type === 'LoadBalancer';
  const node = addressesIn(place.addresses);
  const external = addressesIn(spec.externalIPs ?? []);
  // With ipMode Proxy, connections reach the nodes by other addresses.
  const ingress = isBalanced ? (status?.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode !== 'Proxy') : [];
  const balanced = addressesIn(ingress.map(({ ip }) => ip ?? ''));
  const limits = spec.loadBalancerSourceRanges ?? [];
  const at = (kind: OpeningKind, ips: readonly IPAddress[], protocol: TransportProtocol, port: number | undefined) =>
    isPort(port) ? ips.map((ip): Entrance => ({ kind, ip, protocol, port, ranges: [] })) : [];
  const ports = (spec.ports ?? []).flatMap((port) => {
    const protocol = transportOf(port);
    if (protocol === undefined) return [];
    return [
      ...at('node-port', node, protocol, port.nodePort),
      ...at('external-ip', external, protocol, port.port),
      ...at('load-balancer', balanced, protocol, port.port).map((entrance) => ({ ...entrance, ranges: limits })),
    ];
  });
  const isAsked = isBalanced && spec.externalTrafficPolicy === 'Local';
  return [...ports, ...(isAsked ? at('health-check', node, 'tcp', spec.healthCheckNodePort) : [])];
}

/** None: nobody may come. Ranges that cannot be read, or of the other family, let nobody in. */
function allowed(ranges: readonly string[], family: IPFamily): readonly string[] {
  const cidrs = ranges.map((range) => parseCIDR(range.trim()));
  return widest(cidrs.filter((cidr): cidr is CIDR => cidr?.base.family === family));
}

/** The addresses among these texts; `None` and what can be no Service's are left out. */
function addressesIn(texts: readonly string[]): readonly IPAddress[] {
  return texts.flatMap((text) => parseIP(text) ?? []).filter(canBeEntrance);
}
