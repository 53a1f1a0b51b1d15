/** What is accepted in a Service and is not good, in the words of an API server's warnings. */
import { cidrWarnings, ipWarnings } from '../../addresses.ts';
import { TOPOLOGY_AWARE_HINTS, TOPOLOGY_MODE } from './service.annotations.ts';
import type { Service } from './service.ts';

type Spec = NonNullable<Service['spec']>;

export function serviceWarnings({ metadata, spec = {} }: Service): readonly string[] {
  const isOldName = metadata.annotations?.[TOPOLOGY_AWARE_HINTS] !== undefined;
  return [
    ...(isOldName ? [`annotation ${TOPOLOGY_AWARE_HINTS} is deprecated, please use ${TOPOLOGY_MODE} instead`] : []),
    ...unusualForms(spec),
    ...withoutEffect(spec),
  ];
}

/** Addresses and prefixes that are not written in the one form that there is for each. */
function unusualForms(spec: Spec): readonly string[] {
  const { clusterIPs = [], externalIPs = [], loadBalancerIP, loadBalancerSourceRanges = [] } = spec;
  return [
    ...clusterIPs.flatMap((ip, i) => ipWarnings(`spec.clusterIPs[${i}]`, ip)),
    ...externalIPs.flatMap((ip, i) => ipWarnings(`spec.externalIPs[${i}]`, ip)),
    ...(loadBalancerIP ? ipWarnings('spec.loadBalancerIP', loadBalancerIP) : []),
    ...loadBalancerSourceRanges.flatMap((cidr, i) => cidrWarnings(`spec.loadBalancerSourceRanges[${i}]`, cidr)),
  ];
}

function withoutEffect(spec: Spec): readonly string[] {
  const { type, clusterIP, loadBalancerIP, externalIPs = [], externalName, sessionAffinity } = spec;
  const isHeadless = clusterIP === 'None';
  const ignored = [
    { field: 'spec.loadBalancerIP', where: 'for headless services', is: isHeadless && Boolean(loadBalancerIP) },
    { field: 'spec.externalIPs', where: 'for headless services', is: isHeadless && externalIPs.length > 0 },
    { field: 'spec.SessionAffinity', where: 'for headless services', is: isHeadless && sessionAffinity === 'ClientIP' },
    {
      field: 'spec.externalIPs',
      where: 'when spec.type is "ExternalName"',
      is: type === 'ExternalName' && externalIPs.length > 0,
    },
    {
      field: 'spec.externalName',
      where: 'when spec.type is not "ExternalName"',
      is: type !== 'ExternalName' && Boolean(externalName),
    },
  ];
  return ignored.filter(({ is }) => is).map(({ field, where }) => `${field} is ignored ${where}`);
}
