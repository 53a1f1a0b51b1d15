/** One rule as we want it, and as security lists and network security groups have it. */
import { parseCIDR, printCIDR } from '../../../../lib/ip.ts';
import type { NetworkCalls } from '../calls.ts';
import type { Transport } from './asked.ts';

export type Direction = 'ingress' | 'egress';

/** Lets connections to one port pass; the answers pass by themselves, as every rule of ours is stateful. */
export interface Rule {
  readonly direction: Direction;
  /** Who sends, or with `egress` is sent to: a prefix, or the OCID of a network security group. */
  readonly peer: string;
  readonly protocol: Transport;
  /** Of the one who is sent to. */
  readonly port: number;
}

/** https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/SecurityList/ */
export type SecurityList = Awaited<ReturnType<NetworkCalls['getSecurityList']>>['securityList'];
export type IngressRule = SecurityList['ingressSecurityRules'][number];
export type EgressRule = SecurityList['egressSecurityRules'][number];
/** https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/SecurityRule/ */
export type GroupRule = Awaited<ReturnType<NetworkCalls['listNetworkSecurityGroupSecurityRules']>>['items'][number];
export type NewGroupRule = NonNullable<
  Parameters<
    NetworkCalls['addNetworkSecurityGroupSecurityRules']
  >[0]['addNetworkSecurityGroupSecurityRulesDetails']['securityRules']
>[number];

/** IANA's numbers, as text. */
const PROTOCOLS: Readonly<Record<Transport, string>> = { TCP: '6', UDP: '17' };

type Options = Pick<IngressRule, 'protocol' | 'isStateless' | 'tcpOptions' | 'udpOptions'>;

/** The same for rules that let the same pass. */
export function contentOf({ direction, peer, protocol, port }: Rule): string {
  return `${direction} ${PROTOCOLS[protocol]} ${canonical(peer)} ${port}`;
}

/** The content of a rule of a list; undefined for one that we could not have made. */
export function contentOfIngress(rule: IngressRule): string | undefined {
  return isPrefix(rule.sourceType) ? found('ingress', rule.source, rule) : undefined;
}

export function contentOfEgress(rule: EgressRule): string | undefined {
  return isPrefix(rule.destinationType) ? found('egress', rule.destination, rule) : undefined;
}

/** The content of a rule of a group; undefined for one that we could not have made, and for one that has ceased to work. */
export function contentOfGroupRule(rule: GroupRule): string | undefined {
  const isIngress = rule.direction === 'INGRESS';
  const peer = isIngress ? rule.source : rule.destination;
  const type = isIngress ? rule.sourceType : rule.destinationType;
  if (peer === undefined || type === 'SERVICE_CIDR_BLOCK' || rule.isValid === false) return undefined;
  return found(isIngress ? 'ingress' : 'egress', peer, rule);
}

export function ingressRule({ peer, ...rule }: Rule, description: string): IngressRule {
  return { source: peer, sourceType: 'CIDR_BLOCK', ...options(rule), description };
}

export function egressRule({ peer, ...rule }: Rule, description: string): EgressRule {
  return { destination: peer, destinationType: 'CIDR_BLOCK', ...options(rule), description };
}

export function groupRule({ direction, peer, ...rule }: Rule, description: string): NewGroupRule {
  const type = parseCIDR(peer) === undefined ? 'NETWORK_SECURITY_GROUP' : 'CIDR_BLOCK';
  return direction === 'ingress'
    ? { direction: 'INGRESS', source: peer, sourceType: type, ...options(rule), description }
    : { direction: 'EGRESS', destination: peer, destinationType: type, ...options(rule), description };
}

/** For people: `ingress TCP 80 from 0.0.0.0/0`. */
export function printRule({ direction, peer, protocol, port }: Rule): string {
  return `${direction} ${protocol} ${port} ${direction === 'ingress' ? 'from' : 'to'} ${peer}`;
}

function options({ protocol, port }: Pick<Rule, 'protocol' | 'port'>): Options {
  const ports = { destinationPortRange: { min: port, max: port } };
  return {
    protocol: PROTOCOLS[protocol],
    isStateless: false,
    ...(protocol === 'TCP' ? { tcpOptions: ports } : { udpOptions: ports }),
  };
}

function found(direction: Direction, peer: string, rule: Options): string | undefined {
  if (rule.isStateless === true) return undefined;
  const ports = portsOf(rule);
  const range = ports?.destinationPortRange;
  if (!range || ports?.sourcePortRange || range.min !== range.max) return undefined;
  return `${direction} ${rule.protocol} ${canonical(peer)} ${range.min}`;
}

function portsOf({ protocol, tcpOptions, udpOptions }: Options): Options['tcpOptions'] {
  if (protocol === PROTOCOLS.TCP) return tcpOptions;
  return protocol === PROTOCOLS.UDP ? udpOptions : undefined;
}

// Undefined, or null on the wire, is the default.
const isPrefix = (type: string | null | undefined): boolean => (type ?? 'CIDR_BLOCK') === 'CIDR_BLOCK';

/** OCI may answer an IPv6 prefix in another spelling than it was given. */
function canonical(peer: string): string {
  const cidr = parseCIDR(peer);
  return cidr === undefined ? peer : printCIDR(cidr);
}
