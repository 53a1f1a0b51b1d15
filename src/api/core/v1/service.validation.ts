/** Mistakes in Services. Follows ValidateService and ValidateServiceUpdate of Kubernetes. */
import { parseIP } from '../../../lib/ip.ts';
import { cidrMistake, ipMistake, reachableIPMistake } from '../../addresses.ts';
import { duplicateValue, forbidden, invalidValue, notSupported, requiredValue } from '../../field-errors.ts';
import { duplicates, mistakeIn, validateLabels } from '../../meta/validation.ts';
import { dnsLabelMistake, dnsSubdomainMistake, labelKeyMistake } from '../../names.ts';
import { portMistake, targetPortMistake } from '../../ports.ts';
import type { TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { validateServiceAnnotations } from './service.annotations.ts';
import { validateClusterIPs, validateClusterIPsUpdate } from './service.cluster-ips.ts';
import { isExternallyAccessible } from './service.defaults.ts';
import { needsHealthCheckNodePort } from './service.prepare.ts';
import type { loadBalancerIngress, Service, ServicePort } from './service.ts';

type Spec = NonNullable<Service['spec']>;
type IngressPoint = TypeOf<typeof loadBalancerIngress>;

/** Seconds of the longest ClientIP affinity: a day. */
const AFFINITY_MAX = 86_400;
const TRAFFIC_DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
const IP_MODES = ['Proxy', 'VIP'];
/** Kubernetes writes this field's path with a capital, and clients match it. */
const SOURCE_RANGES = 'spec.LoadBalancerSourceRanges';

export function validateService(service: Service, old: Service | undefined): readonly Cause[] {
  const spec = service.spec ?? {};
  return [
    ...validateServiceAnnotations(service),
    ...validatePorts(spec),
    ...validateType(spec),
    ...validateClusterIPs(spec, old?.spec),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAffinity(spec),
    ...validateAddresses(spec),
    ...validatePolicies(spec),
    ...validateLoadBalancer(spec),
    ...validateIngress(service),
    ...(old === undefined ? [] : validateUpdate(spec, old.spec ?? {})),
  ];
}

/** Where a load balancer can be reached. */
function validateIngress({ spec, status }: Service): readonly Cause[] {
  const field = 'status.loadBalancer.ingress';
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0 && spec?.type !== 'LoadBalancer')
    return [forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")];
  return ingress.flatMap((point, i) => validateIngressPoint(point, `${field}[${i}]`));
}

function validateIngressPoint({ ip, ipMode, hostname }: IngressPoint, at: string): readonly Cause[] {
  return [
    ...(ip ? mistakeIn(`${at}.ip`, ip, ipMistake(ip)) : []),
    ...(ipMode === undefined && ip ? [requiredValue(`${at}.ipMode`, 'must be specified when `ip` is set')] : []),
    ...(ipMode !== undefined && !ip ? [forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set')] : []),
    ...(ipMode !== undefined && ip && !IP_MODES.includes(ipMode)
      ? [notSupported(`${at}.ipMode`, ipMode, IP_MODES)]
      : []),
    ...(hostname ? mistakeIn(`${at}.hostname`, hostname, hostnameMistake(hostname)) : []),
  ];
}

function hostnameMistake(hostname: string): string | undefined {
  return parseIP(hostname) === undefined ? dnsSubdomainMistake(hostname) : 'must be a DNS name, not an IP address';
}

function validateUpdate(spec: Spec, old: Spec): readonly Cause[] {
  const staysBalanced = spec.type === 'LoadBalancer' && old.type === 'LoadBalancer';
  const classChanged = staysBalanced && spec.loadBalancerClass !== old.loadBalancerClass;
  return [
    ...validateClusterIPsUpdate(spec, old),
    ...(classChanged
      ? [invalidValue('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set')]
      : []),
    ...validateHealthCheckUpdate(spec, old),
  ];
}

function validateHealthCheckUpdate(spec: Spec, old: Spec): readonly Cause[] {
  if (!needsHealthCheckNodePort(spec) || !needsHealthCheckNodePort(old)) return [];
  const isSame = (spec.healthCheckNodePort ?? 0) === (old.healthCheckNodePort ?? 0);
  return isSame ? [] : [forbidden('spec.healthCheckNodePort', 'field is immutable')];
}

function validatePorts(spec: Spec): readonly Cause[] {
  const ports = spec.ports ?? [];
  if (ports.length === 0) {
    const mayBeEmpty = spec.clusterIP === 'None' || spec.type === 'ExternalName';
    return mayBeEmpty ? [] : [requiredValue('spec.ports')];
  }
  const at = (i: number) => `spec.ports[${i}]`;
  return [
    ...ports.flatMap((port, i) => validatePort(spec, port, at(i), ports.length > 1)),
    ...duplicates(
      ports,
      ({ name }) => name || undefined,
      (i) => `${at(i)}.name`,
    ),
    ...duplicatePorts(ports),
    ...duplicateNodePorts(ports),
  ];
}

function validatePort(spec: Spec, port: ServicePort, at: string, needsName: boolean): readonly Cause[] {
  const causes: Cause[] = [];
  const { name = '', nodePort = 0, targetPort = port.port, appProtocol } = port;
  if (name !== '') causes.push(...mistakeIn(`${at}.name`, name, dnsLabelMistake(name)));
  else if (needsName) causes.push(requiredValue(`${at}.name`));
  causes.push(...mistakeIn(`${at}.port`, port.port, portMistake(port.port)));
  causes.push(...mistakeIn(`${at}.targetPort`, targetPort, targetPortMistake(targetPort)));
  if (appProtocol !== undefined)
    causes.push(...mistakeIn(`${at}.appProtocol`, appProtocol, labelKeyMistake(appProtocol)));
  // Whether it is in range, and free, the allocation knows.
  if (nodePort !== 0 && spec.type === 'ClusterIP') {
    causes.push(forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
  }
  return causes;
}

function duplicatePorts(ports: readonly ServicePort[]): readonly Cause[] {
  const seen = new Set<string>();
  return ports.flatMap(({ protocol = 'TCP', port }, i) => {
    const key = `${protocol}/${port}`;
    if (seen.has(key)) return [duplicateValue(`spec.ports[${i}]`, { protocol, port })];
    seen.add(key);
    return [];
  });
}

function duplicateNodePorts(ports: readonly ServicePort[]): readonly Cause[] {
  const seen = new Set<string>();
  return ports.flatMap(({ protocol = 'TCP', nodePort = 0 }, i) => {
    const key = `${protocol}/${nodePort}`;
    if (nodePort !== 0 && seen.has(key)) return [duplicateValue(`spec.ports[${i}].nodePort`, nodePort)];
    seen.add(key);
    return [];
  });
}

function validateType({ type, clusterIP, externalName = '' }: Spec): readonly Cause[] {
  switch (type) {
    case 'LoadBalancer':
    case 'NodePort': {
      const why = `may not be set to 'None' for ${type} services`;
      return clusterIP === 'None' ? [invalidValue('spec.clusterIPs[0]', 'None', why)] : [];
    }
    case 'ExternalName': {
      if (externalName === '') return [requiredValue('spec.externalName')];
      return mistakeIn('spec.externalName', externalName, dnsSubdomainMistake(externalName.replace(/\.$/, '')));
    }
    default:
      return [];
  }
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: Spec): readonly Cause[] {
  if (sessionAffinity !== 'ClientIP') {
    const why = `must not be set when session affinity is ${sessionAffinity ?? 'None'}`;
    return sessionAffinityConfig === undefined ? [] : [forbidden('spec.sessionAffinityConfig', why)];
  }
  const timeout = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
  if (timeout === undefined) return [requiredValue(field)];
  const why = `must be greater than 0 and less than ${AFFINITY_MAX}`;
  return timeout > 0 && timeout <= AFFINITY_MAX ? [] : [invalidValue(field, timeout, why)];
}

function validateAddresses({ externalIPs = [] }: Spec): readonly Cause[] {
  return externalIPs.flatMap((ip, i) => mistakeIn(`spec.externalIPs[${i}]`, ip, reachableIPMistake(ip)));
}

function validatePolicies(spec: Spec): readonly Cause[] {
  const causes: Cause[] = [];
  const { healthCheckNodePort = 0, trafficDistribution } = spec;
  if (spec.externalTrafficPolicy !== undefined && !isExternallyAccessible(spec)) {
    const why = 'may only be set for externally-accessible services';
    causes.push(invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, why));
  }
  if (healthCheckNodePort !== 0 && !needsHealthCheckNodePort(spec)) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    causes.push(invalidValue('spec.healthCheckNodePort', healthCheckNodePort, why));
  }
  if (healthCheckNodePort !== 0 && spec.ports?.some(({ nodePort }) => nodePort === healthCheckNodePort)) {
    causes.push(invalidValue('spec.healthCheckNodePort', healthCheckNodePort, 'provided port is already allocated'));
  }
  if (trafficDistribution !== undefined && !TRAFFIC_DISTRIBUTIONS.includes(trafficDistribution)) {
    causes.push(notSupported('spec.trafficDistribution', trafficDistribution, TRAFFIC_DISTRIBUTIONS));
  }
  return causes;
}

function validateLoadBalancer(spec: Spec): readonly Cause[] {
  const { loadBalancerClass, loadBalancerSourceRanges = [] } = spec;
  if (spec.type === 'LoadBalancer') {
    const at = SOURCE_RANGES;
    return [
      ...loadBalancerSourceRanges.flatMap((range, i) => mistakeIn(`${at}[${i}]`, range, cidrMistake(range.trim()))),
      ...mistakeIn(
        'spec.loadBalancerClass',
        loadBalancerClass,
        loadBalancerClass === undefined ? undefined : labelKeyMistake(loadBalancerClass),
      ),
    ];
  }
  const why = "may only be used when `type` is 'LoadBalancer'";
  return [
    ...(loadBalancerSourceRanges.length > 0 ? [forbidden(SOURCE_RANGES, why)] : []),
    ...(loadBalancerClass !== undefined ? [forbidden('spec.loadBalancerClass', why)] : []),
    ...(spec.allocateLoadBalancerNodePorts !== undefined ? [forbidden('spec.allocateLoadBalancerNodePorts', why)] : []),
  ];
}
