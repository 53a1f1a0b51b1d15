/** Mistakes in Services. Follows ValidateService and ValidateServiceUpdate of Kubernetes. */
import { cidrMistake, ipMistake, reachableIPMistake } from '../../addresses.ts';
import { duplicateValue, forbidden, invalidValue, notSupported, requiredValue } from '../../field-errors.ts';
import { duplicates, mistakeIn, validateLabels } from '../../meta/validation.ts';
import { dnsLabelMistake, dnsSubdomainMistake, labelKeyMistake } from '../../names.ts';
import { portMistake, targetPortMistake } from '../../ports.ts';
import type { Cause } from '../../status.ts';
import { validateClusterIPs, validateClusterIPsUpdate } from './service.cluster-ips.ts';
import { isExternallyAccessible } from './service.defaults.ts';
import type { Service, ServicePort } from './service.ts';

type Spec = NonNullable<Service['spec']>;

/** Seconds of the longest ClientIP affinity: a day. */
const AFFINITY_MAX = 86_400;
const TRAFFIC_DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
const KUBELET_PORT = 10_250;
const IP_MODES = ['Proxy', 'VIP'];

export function validateService(service: Service, old: Service | undefined): readonly Cause[] {
  const spec = service.spec ?? {};
  return [
    ...validatePorts(spec),
    ...validateType(spec),
    ...validateClusterIPs(spec),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAffinity(spec),
    ...validateAddresses(spec),
    ...validatePolicies(spec),
    ...validateLoadBalancer(spec),
    ...validateIngress(service.status),
    ...(old === undefined ? [] : validateUpdate(spec, old.spec ?? {})),
  ];
}

/** Addresses that a load balancer was given. They may outlast the type that they were given for, until they are taken back. */
function validateIngress(status: Service['status']): readonly Cause[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode, hostname }, i) => {
    const at = `status.loadBalancer.ingress[${i}]`;
    return [
      ...(ip === undefined ? [] : mistakeIn(`${at}.ip`, ip, ipMistake(ip))),
      ...(ipMode === undefined || IP_MODES.includes(ipMode) ? [] : [notSupported(`${at}.ipMode`, ipMode, IP_MODES)]),
      ...(hostname === undefined ? [] : mistakeIn(`${at}.hostname`, hostname, dnsSubdomainMistake(hostname))),
    ];
  });
}

function validateUpdate(spec: Spec, old: Spec): readonly Cause[] {
  const staysBalanced = spec.type === 'LoadBalancer' && old.type === 'LoadBalancer';
  const classChanged = staysBalanced && spec.loadBalancerClass !== old.loadBalancerClass;
  return [
    ...validateClusterIPsUpdate(spec, old),
    ...(classChanged
      ? [invalidValue('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set')]
      : []),
  ];
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
  if (nodePort !== 0 && (spec.type === 'ClusterIP' || spec.type === 'ExternalName')) {
    causes.push(forbidden(`${at}.nodePort`, `may not be used when \`type\` is '${spec.type}'`));
  } else if (nodePort !== 0) {
    causes.push(...mistakeIn(`${at}.nodePort`, nodePort, portMistake(nodePort)));
  }
  if (spec.type === 'LoadBalancer' && port.port === KUBELET_PORT) {
    causes.push(
      invalidValue(`${at}.port`, port.port, 'may not expose port 10250 externally since it is used by kubelet'),
    );
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
      return clusterIP === 'None' ? [invalidValue('spec.clusterIP', 'None', why)] : [];
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
  if (spec.internalTrafficPolicy !== undefined && spec.type === 'ExternalName') {
    causes.push(forbidden('spec.internalTrafficPolicy', 'may not be set for ExternalName services'));
  }
  if (healthCheckNodePort !== 0 && !(spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local')) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    causes.push(invalidValue('spec.healthCheckNodePort', healthCheckNodePort, why));
  }
  if (trafficDistribution !== undefined && !TRAFFIC_DISTRIBUTIONS.includes(trafficDistribution)) {
    causes.push(notSupported('spec.trafficDistribution', trafficDistribution, TRAFFIC_DISTRIBUTIONS));
  }
  return causes;
}

function validateLoadBalancer(spec: Spec): readonly Cause[] {
  const { loadBalancerClass, loadBalancerSourceRanges = [] } = spec;
  if (spec.type === 'LoadBalancer') {
    const at = 'spec.loadBalancerSourceRanges';
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
    ...(loadBalancerSourceRanges.length > 0 ? [forbidden('spec.loadBalancerSourceRanges', why)] : []),
    ...(loadBalancerClass !== undefined ? [forbidden('spec.loadBalancerClass', why)] : []),
    ...(spec.allocateLoadBalancerNodePorts !== undefined ? [forbidden('spec.allocateLoadBalancerNodePorts', why)] : []),
  ];
}
