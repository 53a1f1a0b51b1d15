/** Whom the cloud's own firewall is to let through, and who keeps its rules. Pure. */
import { SOURCE_RANGES_ANNOTATION } from '../../../../api/core/v1/service.annotations.ts';
import type { Service } from '../../../../api/core/v1/service.ts';
import { parseCIDR, printCIDR } from '../../../../lib/ip.ts';
import { SECURITY_LIST_MANAGEMENT_MODES } from '../config.ts';
import type { LoadBalancerType, RequestDefaults, RequestedSecurity } from '../request.ts';
import type { SecurityMode } from '../security/asked.ts';
import { ANNOTATIONS, type AnnotationReader } from './annotations.ts';

/** A VNIC is in no more. https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/networksecuritygroups.htm */
const MAX_GROUPS = 5;

const RULE_MODES = ['SL-All', 'SL-Frontend', 'NSG', 'None'] as const;
const RULE_MODE: Readonly<Record<(typeof RULE_MODES)[number], SecurityMode>> = {
  'SL-All': 'All',
  'SL-Frontend': 'Frontend',
  NSG: 'NSG',
  None: 'None',
};

export function requestedSecurity(
  service: Service,
  type: LoadBalancerType,
  reader: AnnotationReader,
  config: RequestDefaults,
): RequestedSecurity {
  const ours = reader.oneOf(ANNOTATIONS.securityRuleManagementMode, RULE_MODES);
  const mode = ours === undefined ? securityListMode(type, reader, config) : RULE_MODE[ours];
  return {
    mode,
    sources: requestedSources(service, reader),
    // Our own takes a place.
    networkSecurityGroups: reader.ocids(
      ANNOTATIONS[type].networkSecurityGroups,
      mode === 'NSG' ? MAX_GROUPS - 1 : MAX_GROUPS,
    ),
    backendNetworkSecurityGroups: reader.ocids(ANNOTATIONS.backendNetworkSecurityGroups),
  };
}

/**
 * Rules of network load balancers are kept only when asked for. An unknown mode is `All` for a load balancer and a mistake for a
 * network load balancer: both as OCI's controller has it.
 */
function securityListMode(type: LoadBalancerType, reader: AnnotationReader, config: RequestDefaults): SecurityMode {
  if (type === 'nlb')
    return reader.oneOf(ANNOTATIONS.nlb.securityListManagementMode, SECURITY_LIST_MANAGEMENT_MODES) ?? 'None';
  const text = reader.text(ANNOTATIONS.lb.securityListManagementMode);
  if (text === undefined) return config.loadBalancer.securityListManagementMode;
  return SECURITY_LIST_MANAGEMENT_MODES.find((mode) => mode === text) ?? 'All';
}

function requestedSources({ spec = {} }: Service, reader: AnnotationReader): readonly string[] {
  const field = spec.loadBalancerSourceRanges ?? [];
  const texts = field.length > 0 ? field : (reader.text(SOURCE_RANGES_ANNOTATION)?.split(',') ?? []);
  const sources = texts.map((text) => {
    const cidr = parseCIDR(text.trim());
    if (cidr === undefined)
      reader.note('spec.loadBalancerSourceRanges', text, 'must be a prefix, such as 192.0.2.0/24');
    return cidr === undefined ? '' : printCIDR(cidr);
  });
  return [...new Set(sources)].sort();
}
