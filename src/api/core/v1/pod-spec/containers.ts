/** Mistakes in a pod's containers. https://kubernetes.io/docs/concepts/workloads/pods/init-containers/ and …/sidecar-containers/ */
import { ipMistake } from '../../../addresses.ts';
import { duplicateValue, forbidden, invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { mistakeIn } from '../../../meta/validation.ts';
import { dnsLabelMistake, portNameMistake } from '../../../names.ts';
import { portMistake } from '../../../ports.ts';
import type { Cause } from '../../../status.ts';
import type { Container, ContainerPort, PodSpec } from '../pod-spec.ts';
import { DEFAULT_GRACE_SECONDS } from './defaults.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateMounts } from './mounts.ts';
import { validateProbes } from './probes.ts';
import { isSidecar } from './resource-totals.ts';
import { validateResources } from './resources.ts';
import { validateContainerSecurity } from './security.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['FallbackToLogsOnError', 'File'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
/** What only a container has that runs as long as the pod. */
const OF_RUNNING = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

export function validateContainers(spec: PodSpec, field: string): readonly Cause[] {
  const { containers = [], initContainers = [] } = spec;
  const known: Known = {
    hostNetwork: spec.hostNetwork ?? false,
    volumes: new Set((spec.volumes ?? []).map(({ name }) => name)),
    names: new Set(),
    hostPorts: new Set(),
    grace: spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
  };
  if (containers.length === 0) return [requiredValue(`${field}.containers`)];
  return [
    ...containers.flatMap((container, i) => validateAppContainer(container, `${field}.containers[${i}]`, known)),
    ...initContainers.flatMap((container, i) =>
      validateInitContainer(container, `${field}.initContainers[${i}]`, known),
    ),
  ];
}

/** What the containers of a pod share. The sets of names and of host ports grow as containers are looked at. */
interface Known {
  readonly hostNetwork: boolean;
  readonly volumes: ReadonlySet<string>;
  readonly names: Set<string>;
  readonly hostPorts: Set<string>;
  readonly grace: number;
}

function validateAppContainer(container: Container, at: string, known: Known): readonly Cause[] {
  const why = 'may not be set for non-init containers';
  return [
    ...validateContainer(container, at, known),
    ...validateProbes(container, at, known.grace),
    ...(container.restartPolicy ? [forbidden(`${at}.restartPolicy`, why)] : []),
  ];
}

function validateInitContainer(container: Container, at: string, known: Known): readonly Cause[] {
  const { restartPolicy } = container;
  const causes = [...validateContainer(container, at, { ...known, hostPorts: new Set() })];
  if (restartPolicy && restartPolicy !== 'Always') {
    causes.push(notSupported(`${at}.restartPolicy`, restartPolicy, ['Always']));
  }
  if (isSidecar(container)) return [...causes, ...validateProbes(container, at, known.grace)];
  const why = 'may not be set for init containers without restartPolicy=Always';
  const extra = OF_RUNNING.filter((name) => container[name] !== undefined);
  return [...causes, ...extra.map((name) => forbidden(`${at}.${name}`, why))];
}

function validateContainer(container: Container, at: string, known: Known): readonly Cause[] {
  const { env = [], envFrom = [], resources = {}, securityContext } = container;
  return [
    ...validateName(container.name, `${at}.name`, known.names),
    ...validateImage(container, at),
    ...validatePorts(container.ports ?? [], `${at}.ports`, known),
    ...validateEnv(env, `${at}.env`),
    ...validateEnvFrom(envFrom, `${at}.envFrom`),
    ...validateMounts(container, `${at}.volumeMounts`, known.volumes),
    ...validateResources(resources, `${at}.resources`),
    ...(securityContext === undefined ? [] : validateContainerSecurity(securityContext, `${at}.securityContext`)),
  ];
}

function validateName(name: string, field: string, names: Set<string>): readonly Cause[] {
  if (name === '') return [requiredValue(field)];
  const causes = [...mistakeIn(field, name, dnsLabelMistake(name))];
  if (names.has(name)) causes.push(duplicateValue(field, name));
  names.add(name);
  return causes;
}

function validateImage(container: Container, at: string): readonly Cause[] {
  const { image = '', imagePullPolicy = '', terminationMessagePolicy: policy = '' } = container;
  const causes: Cause[] = [];
  if (image === '') causes.push(requiredValue(`${at}.image`));
  else if (image !== image.trim()) {
    causes.push(invalidValue(`${at}.image`, image, 'must not have leading or trailing whitespace'));
  }
  if (!PULL_POLICIES.includes(imagePullPolicy)) {
    causes.push(notSupported(`${at}.imagePullPolicy`, imagePullPolicy, PULL_POLICIES));
  }
  if (!MESSAGE_POLICIES.includes(policy)) {
    causes.push(notSupported(`${at}.terminationMessagePolicy`, policy, MESSAGE_POLICIES));
  }
  return causes;
}

function validatePorts(ports: readonly ContainerPort[], field: string, known: Known): readonly Cause[] {
  const names = new Set<string>();
  return ports.flatMap((port, i) => validatePort(port, `${field}[${i}]`, names, known));
}

function validatePort(port: ContainerPort, at: string, names: Set<string>, known: Known): readonly Cause[] {
  const { name, containerPort, protocol = '' } = port;
  const causes: Cause[] = [];
  if (name) {
    causes.push(...mistakeIn(`${at}.name`, name, portNameMistake(name)));
    if (names.has(name)) causes.push(duplicateValue(`${at}.name`, name));
    names.add(name);
  }
  if (containerPort === 0) causes.push(requiredValue(`${at}.containerPort`));
  else causes.push(...mistakeIn(`${at}.containerPort`, containerPort, portMistake(containerPort)));
  if (!PROTOCOLS.includes(protocol)) causes.push(notSupported(`${at}.protocol`, protocol, PROTOCOLS));
  return [...causes, ...validateHostPort(port, at, known)];
}

function validateHostPort(port: ContainerPort, at: string, { hostNetwork, hostPorts }: Known): readonly Cause[] {
  const { hostPort = 0, hostIP = '', protocol = '', containerPort } = port;
  const causes = hostIP === '' ? [] : [...mistakeIn(`${at}.hostIP`, hostIP, ipMistake(hostIP))];
  if (hostPort === 0) return causes;
  causes.push(...mistakeIn(`${at}.hostPort`, hostPort, portMistake(hostPort)));
  if (hostNetwork && hostPort !== containerPort) {
    causes.push(invalidValue(`${at}.hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
  }
  const key = `${protocol}/${hostIP}/${hostPort}`;
  if (hostPorts.has(key)) causes.push(duplicateValue(`${at}.hostPort`, key));
  hostPorts.add(key);
  return causes;
}
