/** The environment variables of a container. https://kubernetes.io/docs/tasks/inject-data-application/ */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container, EnvFrom, EnvVar } from '../../api/core/v1/pod-spec.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { Problem } from '../parts.ts';
import { expand } from './expand.ts';
import { fieldValue, type PodAddresses } from './field-ref.ts';
import type { NamedObjects } from './objects.ts';
import { configProblem, isProblem } from './problems.ts';
import type { Quantities } from './quantities.ts';
import { resourceValue } from './resource-ref.ts';
import { serviceEnvironment } from './service-environment.ts';

/** Linux takes no more, for the usual limit of the stack: execve(2). Other sources are bounded by the size of their objects. */
const TOTAL_LIMIT = 2 * 1024 * 1024;

/** All that a container's variables are made from. */
export interface EnvironmentInputs {
  readonly pod: Pod;
  readonly container: Container;
  readonly addresses: PodAddresses;
  readonly allocatable: Quantities;
  /** Of the pod's namespace. */
  readonly objects: NamedObjects;
  /** The Services that the pod is told of: {@link linkedServices}. */
  readonly services: readonly Service[];
}

/** Values of variables by name, in the order in which they are set. */
export type Environment = ReadonlyMap<string, string>;

/** Those of the pod's namespace, unless it wants none; and always the one that leads to the API. */
export function linkedServices(pod: Pod, inNamespace: readonly Service[], kubernetes: Service | undefined): Service[] {
  const linked = pod.spec?.enableServiceLinks === false ? [] : inNamespace;
  const isKubernetes = (one: Service): boolean => one.metadata.uid === kubernetes?.metadata.uid;
  return [...linked.filter((one) => !isKubernetes(one)), ...(kubernetes === undefined ? [] : [kubernetes])];
}

/**
 * The variables by name, a container's own before those of `envFrom`, and those before the Services'. A value may refer to
 * variables that stand before it, and to Services.
 */
export function environment(inputs: EnvironmentInputs): Environment | Problem {
  const { envFrom = [], env = [] } = inputs.container;
  const services = new Map(serviceEnvironment(inputs.services));
  const variables = new Map<string, string>();
  for (const source of envFrom) {
    const found = variablesFrom(source, inputs.objects);
    if (isProblem(found)) return found;
    for (const [name, value] of found) variables.set(name, value);
  }
  let length = 0;
  for (const variable of env) {
    services.delete(variable.name);
    const value = variableValue(variable, inputs, (name) => variables.get(name) ?? services.get(name));
    if (isProblem(value)) return value;
    if (value === undefined) continue;
    variables.set(variable.name, value);
    length += variable.name.length + value.length;
    if (length > TOTAL_LIMIT)
      return configProblem('all variables together are longer than the 2 MiB that Linux allows');
  }
  for (const [name, value] of services) if (!variables.has(name)) variables.set(name, value);
  return variables;
}

/** Undefined for an optional key that is not there: then there is no variable. */
function variableValue(
  { name, value, valueFrom }: EnvVar,
  { pod, container, addresses, allocatable, objects }: EnvironmentInputs,
  known: (name: string) => string | undefined,
): string | Problem | undefined {
  if (value || valueFrom === undefined) {
    return expand(value ?? '', known) ?? configProblem(`variable ${name} is longer than the 128 KiB that Linux allows`);
  }
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, addresses) ?? unsupported('fieldPath', fieldRef.fieldPath);
  if (resourceFieldRef) {
    const amount = resourceValue(resourceFieldRef, { pod, container: container.name, allocatable });
    return amount ?? unsupported('container resource', resourceFieldRef.resource);
  }
  if (configMapKeyRef) return valueOfKey('ConfigMap', configMapKeyRef, pod, objects);
  if (secretKeyRef) return valueOfKey('Secret', secretKeyRef, pod, objects);
  return configProblem(`unsupported source of a variable: ${Object.keys(valueFrom).join(', ') || 'none is given'}`);
}

function unsupported(what: string, found: string): Problem {
  return configProblem(`unsupported ${what}: ${found}`);
}

function valueOfKey(
  kind: 'ConfigMap' | 'Secret',
  { name = '', key, optional = false }: { readonly name?: string; readonly key: string; readonly optional?: boolean },
  { metadata }: Pod,
  objects: NamedObjects,
): string | Problem | undefined {
  const data = objects.texts(kind, name);
  const value = data?.get(key);
  if (value !== undefined) return value;
  if (optional) return undefined;
  if (data === undefined) return missing(kind, name);
  return configProblem(`couldn't find key ${key} in ${kind} ${metadata.namespace}/${name}`);
}

function variablesFrom(
  { prefix = '', configMapRef, secretRef }: EnvFrom,
  objects: NamedObjects,
): Environment | Problem {
  const ref = configMapRef ?? secretRef;
  const kind = configMapRef ? 'ConfigMap' : 'Secret';
  if (ref === undefined) return new Map();
  const data = objects.texts(kind, ref.name ?? '');
  if (data === undefined) return ref.optional ? new Map() : missing(kind, ref.name ?? '');
  return new Map([...data].map(([key, value]) => [`${prefix}${key}`, value]));
}

function missing(kind: 'ConfigMap' | 'Secret', name: string): Problem {
  return configProblem(`${kind.toLowerCase()} "${name}" not found`);
}
