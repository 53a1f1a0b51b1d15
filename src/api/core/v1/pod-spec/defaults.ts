/**
 * What a pod's spec means where it says nothing, as Kubernetes writes it out. Follows the defaults of core/v1:
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */
import { canonicalQuantity } from '../../../canonical-quantity.ts';
import type {
  Container,
  EnvVar,
  HTTPGetAction,
  LifecycleHandler,
  PodSpec,
  Probe,
  ResourceRequirements,
} from '../pod-spec.ts';
import { defaultVolume } from './volume-defaults.ts';

type Amounts = NonNullable<ResourceRequirements['limits']>;

/** Seconds between asking a pod to end and ending it. */
export const DEFAULT_GRACE_SECONDS = 30;
const TERMINATION_LOG = '/dev/termination-log';

/** The spec of a pod, or of a template of pods, with every default that both have. Doing it again changes nothing. */
export function defaultPodSpec(spec: PodSpec): PodSpec {
  const { containers, initContainers, volumes, serviceAccountName, serviceAccount, ...rest } = spec;
  const account = serviceAccountName || serviceAccount;
  return {
    ...rest,
    ...(spec.overhead === undefined ? {} : { overhead: canonicalAmounts(spec.overhead) }),
    ...(account ? { serviceAccountName: account, serviceAccount: account } : {}),
    ...(volumes === undefined ? {} : { volumes: volumes.map(defaultVolume) }),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(defaultContainer) }),
    ...(containers === undefined ? {} : { containers: containers.map(defaultContainer) }),
    restartPolicy: spec.restartPolicy || 'Always',
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
    dnsPolicy: spec.dnsPolicy || 'ClusterFirst',
    schedulerName: spec.schedulerName || 'default-scheduler',
    securityContext: spec.securityContext ?? {},
  };
}

/** What only a pod itself is given: a template of pods leaves it to the pods that are made of it. */
export function defaultsOfPod(spec: PodSpec): PodSpec {
  const complete = (container: Container) => withRequests(spec.hostNetwork ? withHostPorts(container) : container);
  return {
    ...spec,
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(complete) }),
    ...(spec.containers === undefined ? {} : { containers: spec.containers.map(complete) }),
    enableServiceLinks: spec.enableServiceLinks ?? true,
  };
}

function defaultContainer(container: Container): Container {
  const { env, ports, livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  return {
    ...container,
    ...(env === undefined ? {} : { env: env.map(defaultEnv) }),
    ...(ports === undefined
      ? {}
      : { ports: ports.map((port) => ({ ...port, protocol: port.protocol || ('TCP' as const) })) }),
    ...(livenessProbe === undefined ? {} : { livenessProbe: defaultProbe(livenessProbe) }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: defaultProbe(readinessProbe) }),
    ...(startupProbe === undefined ? {} : { startupProbe: defaultProbe(startupProbe) }),
    ...(lifecycle === undefined ? {} : { lifecycle: defaultLifecycle(lifecycle) }),
    imagePullPolicy: container.imagePullPolicy || defaultPullPolicy(container.image ?? ''),
    resources: defaultResources(container.resources ?? {}),
    terminationMessagePath: container.terminationMessagePath || TERMINATION_LOG,
    terminationMessagePolicy: container.terminationMessagePolicy || 'File',
  };
}

/** The tag `latest`, which no tag and no digest stand for too, may mean another image every time. */
function defaultPullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const name = image.slice(image.lastIndexOf('/') + 1);
  const tag = name.includes(':') ? name.slice(name.lastIndexOf(':') + 1) : 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultResources(resources: ResourceRequirements): ResourceRequirements {
  const { limits, requests } = resources;
  return {
    ...resources,
    ...(limits === undefined ? {} : { limits: canonicalAmounts(limits) }),
    ...(requests === undefined ? {} : { requests: canonicalAmounts(requests) }),
  };
}

function canonicalAmounts(amounts: Amounts): Amounts {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [name, canonicalQuantity(amount)] as const),
  );
}

function defaultEnv(variable: EnvVar): EnvVar {
  const { fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
  if (fieldRef === undefined && resourceFieldRef === undefined) return variable;
  return {
    ...variable,
    valueFrom: {
      ...variable.valueFrom,
      ...(fieldRef === undefined ? {} : { fieldRef: { ...fieldRef, apiVersion: fieldRef.apiVersion || 'v1' } }),
      ...(resourceFieldRef === undefined
        ? {}
        : { resourceFieldRef: { ...resourceFieldRef, divisor: canonicalQuantity(resourceFieldRef.divisor ?? '0') } }),
    },
  };
}

function defaultProbe(probe: Probe): Probe {
  return {
    ...probe,
    ...(probe.httpGet === undefined ? {} : { httpGet: defaultHTTPGet(probe.httpGet) }),
    ...(probe.grpc === undefined ? {} : { grpc: { ...probe.grpc, service: probe.grpc.service ?? '' } }),
    timeoutSeconds: probe.timeoutSeconds || 1,
    periodSeconds: probe.periodSeconds || 10,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
  };
}

function defaultHTTPGet(action: HTTPGetAction): HTTPGetAction {
  return { ...action, path: action.path || '/', scheme: action.scheme || 'HTTP' };
}

function defaultLifecycle(lifecycle: NonNullable<Container['lifecycle']>): NonNullable<Container['lifecycle']> {
  const { postStart, preStop } = lifecycle;
  return {
    ...lifecycle,
    ...(postStart === undefined ? {} : { postStart: defaultHandler(postStart) }),
    ...(preStop === undefined ? {} : { preStop: defaultHandler(preStop) }),
  };
}

function defaultHandler(handler: LifecycleHandler): LifecycleHandler {
  return handler.httpGet === undefined ? handler : { ...handler, httpGet: defaultHTTPGet(handler.httpGet) };
}

/** What may be used is also asked for, where nothing else is. */
function withRequests(container: Container): Container {
  const { resources } = container;
  if (resources?.limits === undefined) return container;
  return { ...container, resources: { ...resources, requests: { ...resources.limits, ...resources.requests } } };
}

/** On the node's own network a port of the container is a port of the node. */
function withHostPorts(container: Container): Container {
  if (container.ports === undefined) return container;
  return {
    ...container,
    ports: container.ports.map((port) => ({ ...port, hostPort: port.hostPort || port.containerPort })),
  };
}
