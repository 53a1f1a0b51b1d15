/** Bodies of calls of the networking service. https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/ */
import type { models } from 'oci-core';
import { parseCIDR } from '../../../../../lib/ip.ts';
import type { Plain } from '../../calls.ts';
import {
  boolean,
  cidr,
  definedTags,
  freeformTags,
  integer,
  ip,
  list,
  object,
  ocid,
  oneOf,
  optional,
  port,
  problemsOf,
  required,
  text,
} from '../checks.ts';

const description = text({ min: 1, max: 255 });
const displayName = text({ max: 255 });

const portRange = object<Plain<models.PortRange>>({ min: required(port), max: required(port) }, ({ min, max }) =>
  min <= max ? undefined : `has min ${min} above max ${max}`,
);
const tcpOptions = object<Plain<models.TcpOptions>>({
  destinationPortRange: optional(portRange),
  sourcePortRange: optional(portRange),
});
const udpOptions = object<Plain<models.UdpOptions>>({
  destinationPortRange: optional(portRange),
  sourcePortRange: optional(portRange),
});
const icmpOptions = object<Plain<models.IcmpOptions>>({
  type: required(integer(0, 255)),
  code: optional(integer(0, 255)),
});
const protocol = text({ like: /^(all|\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/ });

interface Rule {
  readonly protocol: string;
  readonly tcpOptions?: unknown;
  readonly udpOptions?: unknown;
  readonly icmpOptions?: unknown;
}

/** Options belong to one protocol each. */
function optionsFit(rule: Rule): string | undefined {
  if (rule.tcpOptions && rule.protocol !== '6') return `has tcpOptions with protocol ${rule.protocol}`;
  if (rule.udpOptions && rule.protocol !== '17') return `has udpOptions with protocol ${rule.protocol}`;
  if (rule.icmpOptions && rule.protocol !== '1' && rule.protocol !== '58') {
    return `has icmpOptions with protocol ${rule.protocol}`;
  }
  return undefined;
}

/** The other end of a rule, by the type that is said of it. */
function peerFits(peer: string | undefined, type = 'CIDR_BLOCK'): string | undefined {
  if (peer === undefined) return 'does not say the other end';
  if (type === 'SERVICE_CIDR_BLOCK') return parseCIDR(peer) === undefined ? undefined : `has ${peer} for a service`;
  const check = type === 'NETWORK_SECURITY_GROUP' ? ocid('networksecuritygroup') : cidr;
  return problemsOf(check, peer, 'is wrong:')[0]?.message;
}

export const ingressRule = object<Plain<models.IngressSecurityRule>>(
  {
    icmpOptions: optional(icmpOptions),
    isStateless: optional(boolean),
    protocol: required(protocol),
    source: required(text()),
    sourceType: optional(oneOf('CIDR_BLOCK', 'SERVICE_CIDR_BLOCK')),
    tcpOptions: optional(tcpOptions),
    udpOptions: optional(udpOptions),
    description: optional(description),
  },
  (rule) => optionsFit(rule) ?? peerFits(rule.source, rule.sourceType),
);

export const egressRule = object<Plain<models.EgressSecurityRule>>(
  {
    destination: required(text()),
    destinationType: optional(oneOf('CIDR_BLOCK', 'SERVICE_CIDR_BLOCK')),
    icmpOptions: optional(icmpOptions),
    isStateless: optional(boolean),
    protocol: required(protocol),
    tcpOptions: optional(tcpOptions),
    udpOptions: optional(udpOptions),
    description: optional(description),
  },
  (rule) => optionsFit(rule) ?? peerFits(rule.destination, rule.destinationType),
);

const groupRule = {
  description: optional(description),
  destination: optional(text()),
  destinationType: optional(oneOf('CIDR_BLOCK', 'SERVICE_CIDR_BLOCK', 'NETWORK_SECURITY_GROUP')),
  direction: required(oneOf('EGRESS', 'INGRESS')),
  icmpOptions: optional(icmpOptions),
  isStateless: optional(boolean),
  protocol: required(protocol),
  source: optional(text()),
  sourceType: optional(oneOf('CIDR_BLOCK', 'SERVICE_CIDR_BLOCK', 'NETWORK_SECURITY_GROUP')),
  tcpOptions: optional(tcpOptions),
  udpOptions: optional(udpOptions),
};

/** Of groups it must be said of which type the other end is. */
function groupRuleFits(rule: Plain<models.AddSecurityRuleDetails>): string | undefined {
  const type = rule.direction === 'INGRESS' ? rule.sourceType : rule.destinationType;
  if (!type) return `is ${rule.direction} without ${rule.direction === 'INGRESS' ? 'sourceType' : 'destinationType'}`;
  if (rule.direction === 'INGRESS') {
    return rule.destination
      ? 'is INGRESS with a destination'
      : (optionsFit(rule) ?? peerFits(rule.source, rule.sourceType));
  }
  return rule.source
    ? 'is EGRESS with a source'
    : (optionsFit(rule) ?? peerFits(rule.destination, rule.destinationType));
}

export const addSecurityRules = object<Plain<models.AddNetworkSecurityGroupSecurityRulesDetails>>({
  securityRules: optional(list(object<Plain<models.AddSecurityRuleDetails>>(groupRule, groupRuleFits), { min: 1 })),
});

const ruleId = text({ min: 1, max: 32, like: /^[0-9A-F]+$/ });

export const updateSecurityRules = object<Plain<models.UpdateNetworkSecurityGroupSecurityRulesDetails>>({
  securityRules: optional(
    list(object<Plain<models.UpdateSecurityRuleDetails>>({ ...groupRule, id: required(ruleId) }, groupRuleFits), {
      min: 1,
    }),
  ),
});

export const removeSecurityRules = object<Plain<models.RemoveNetworkSecurityGroupSecurityRulesDetails>>({
  securityRuleIds: optional(list(ruleId, { min: 1, unique: true })),
});

export const createNetworkSecurityGroup = object<Plain<models.CreateNetworkSecurityGroupDetails>>({
  compartmentId: required(ocid('compartment', 'tenancy')),
  definedTags: optional(definedTags),
  displayName: optional(displayName),
  freeformTags: optional(freeformTags),
  vcnId: required(ocid('vcn')),
});

export const updateSecurityList = object<Plain<models.UpdateSecurityListDetails>>({
  definedTags: optional(definedTags),
  displayName: optional(displayName),
  egressSecurityRules: optional(list(egressRule)),
  freeformTags: optional(freeformTags),
  ingressSecurityRules: optional(list(ingressRule)),
});

export const getPublicIp = object<Plain<models.GetPublicIpByIpAddressDetails>>({ ipAddress: required(ip) });
