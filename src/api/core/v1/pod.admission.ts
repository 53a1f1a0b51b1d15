/** Defaults, preparation and validation of Pods, as far as Postern acts on them. Follows Kubernetes' pod strategy. */
import { duplicateValue, forbidden, invalidValue, notSupported, requiredValue } from '../../field-errors.ts';
import { mistakeIn, validateLabels } from '../../meta/validation.ts';
import { dnsLabelMistake, dnsSubdomainMistake, portNameMistake } from '../../names.ts';
import { portMistake } from '../../ports.ts';
import type { Cause } from '../../status.ts';
import type { Pod } from './pod.ts';

type Spec = NonNullable<Pod['spec']>;
type Container = NonNullable<Spec['containers']>[number];

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
/** Seconds between asking a pod to end and ending it. */
const GRACE = 30;

export function defaultPod(pod: Pod): Pod {
  const { spec = {} } = pod;
  const containers = spec.containers?.map(defaultContainer);
  return {
    ...pod,
    spec: {
      ...spec,
      ...(containers === undefined ? {} : { containers }),
      restartPolicy: spec.restartPolicy || 'Always',
      terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? GRACE,
    },
  };
}

function defaultContainer(container: Container): Container {
  if (container.ports === undefined) return container;
  return { ...container, ports: container.ports.map((port) => ({ ...port, protocol: port.protocol || 'TCP' })) };
}

/** A new pod has no history; only its node tells one. */
export function preparePod(pod: Pod, old: Pod | undefined): Pod {
  return old === undefined ? { ...pod, status: { phase: 'Pending', qosClass: 'BestEffort' } } : pod;
}

export function validatePod(pod: Pod, old: Pod | undefined): readonly Cause[] {
  const spec = pod.spec ?? {};
  const { restartPolicy, terminationGracePeriodSeconds: grace = 0, hostname, subdomain } = spec;
  const causes: Cause[] = [
    ...validateContainers(spec.containers ?? []),
    ...validateLabels(spec.nodeSelector, 'spec.nodeSelector'),
  ];
  if (restartPolicy !== undefined && !RESTART_POLICIES.includes(restartPolicy)) {
    causes.push(notSupported('spec.restartPolicy', restartPolicy, RESTART_POLICIES));
  }
  if (grace < 0)
    causes.push(invalidValue('spec.terminationGracePeriodSeconds', grace, 'must be greater than or equal to 0'));
  if (hostname) causes.push(...mistakeIn('spec.hostname', hostname, dnsLabelMistake(hostname)));
  if (subdomain) causes.push(...mistakeIn('spec.subdomain', subdomain, dnsLabelMistake(subdomain)));
  if (spec.nodeName) causes.push(...mistakeIn('spec.nodeName', spec.nodeName, dnsSubdomainMistake(spec.nodeName)));
  if (old?.spec?.nodeName && old.spec.nodeName !== spec.nodeName) {
    causes.push(forbidden('spec.nodeName', 'may not change once the pod is bound to a node'));
  }
  return causes;
}

function validateContainers(containers: readonly Container[]): readonly Cause[] {
  if (containers.length === 0) return [requiredValue('spec.containers')];
  const names = new Set<string>();
  return containers.flatMap((container, i) => {
    const at = `spec.containers[${i}]`;
    const causes: Cause[] = [...mistakeIn(`${at}.name`, container.name, dnsLabelMistake(container.name))];
    if (names.has(container.name)) causes.push(duplicateValue(`${at}.name`, container.name));
    names.add(container.name);
    return [...causes, ...validatePorts(container, at)];
  });
}

function validatePorts({ ports = [] }: Container, at: string): readonly Cause[] {
  const names = new Set<string>();
  return ports.flatMap(({ name, containerPort }, i) => {
    const field = `${at}.ports[${i}]`;
    const causes: Cause[] = [...mistakeIn(`${field}.containerPort`, containerPort, portMistake(containerPort))];
    if (name) {
      causes.push(...mistakeIn(`${field}.name`, name, portNameMistake(name)));
      if (names.has(name)) causes.push(duplicateValue(`${field}.name`, name));
      names.add(name);
    }
    return causes;
  });
}
