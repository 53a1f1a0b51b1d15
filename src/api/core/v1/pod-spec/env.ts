/** Mistakes in the environment of a container. */
import { invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { mistakeIn } from '../../../meta/validation.ts';
import { configKeyMistake, dnsSubdomainMistake } from '../../../names.ts';
import { parseQuantity } from '../../../quantity.ts';
import type { Cause } from '../../../status.ts';
import { isMapping } from '../../../value.ts';
import type { EnvFrom, EnvVar } from '../pod-spec.ts';

type Source = NonNullable<EnvVar['valueFrom']>;
type KeyRef = NonNullable<Source['configMapKeyRef']>;
type FieldRef = NonNullable<Source['fieldRef']>;
type ResourceFieldRef = NonNullable<Source['resourceFieldRef']>;

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const VOLUME_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const RESOURCES = ['limits', 'requests'].flatMap((list) =>
  ['cpu', 'ephemeral-storage', 'memory'].map((name) => `${list}.${name}`),
);
const NAME_MISTAKE = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];
const ONE_ONLY = 'may not have more than one field specified at a time';

export function validateEnv(env: readonly EnvVar[], field: string): readonly Cause[] {
  return env.flatMap(({ name, value = '', valueFrom }, i) => {
    const at = `${field}[${i}]`;
    return [
      ...(name === '' ? [requiredValue(`${at}.name`)] : mistakeIn(`${at}.name`, name, envNameMistake(name))),
      ...(valueFrom === undefined ? [] : validateSource(valueFrom, value, `${at}.valueFrom`)),
    ];
  });
}

export function validateEnvFrom(sources: readonly EnvFrom[], field: string): readonly Cause[] {
  return sources.flatMap((source, i) => {
    const at = `${field}[${i}]`;
    const { prefix = '', configMapRef, secretRef } = source;
    const causes: Cause[] = prefix === '' ? [] : [...mistakeIn(`${at}.prefix`, prefix, envNameMistake(prefix))];
    const refs = [configMapRef && 'configMapRef', secretRef && 'secretRef'].filter((name) => name !== undefined);
    if (refs.length === 0) causes.push(invalidValue(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (refs.length > 1) causes.push(invalidValue(at, '', ONE_ONLY));
    for (const name of refs) {
      if (!(name === 'configMapRef' ? configMapRef : secretRef)?.name) causes.push(requiredValue(`${at}.${name}.name`));
    }
    return causes;
  });
}

function envNameMistake(name: string): string | undefined {
  return /^[ -<>-~]+$/.test(name) ? undefined : NAME_MISTAKE;
}

function validateSource(source: Source, value: string, at: string): readonly Cause[] {
  const named = Object.entries(source).filter(([, ref]) => isMapping(ref));
  const causes: Cause[] = [];
  if (named.length === 0) {
    const names = SOURCES.map((name) => `\`${name}\``);
    causes.push(invalidValue(at, '', `must specify one of: ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`));
  }
  if (named.length > 1) causes.push(invalidValue(at, '', ONE_ONLY));
  if (value !== '' && named.length > 0) {
    causes.push(invalidValue(at, '', 'may not be specified when `value` is not empty'));
  }
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = source;
  return [
    ...causes,
    ...(fieldRef === undefined ? [] : validateFieldRef(fieldRef, `${at}.fieldRef`, ENV_FIELDS)),
    ...(resourceFieldRef === undefined
      ? []
      : validateResourceFieldRef(resourceFieldRef, `${at}.resourceFieldRef`, false)),
    ...(configMapKeyRef === undefined ? [] : validateKeyRef(configMapKeyRef, `${at}.configMapKeyRef`)),
    ...(secretKeyRef === undefined ? [] : validateKeyRef(secretKeyRef, `${at}.secretKeyRef`)),
  ];
}

function validateKeyRef({ name = '', key }: KeyRef, at: string): readonly Cause[] {
  return [
    ...(name === '' ? [requiredValue(`${at}.name`)] : mistakeIn(`${at}.name`, name, dnsSubdomainMistake(name))),
    ...(key === '' ? [requiredValue(`${at}.key`)] : mistakeIn(`${at}.key`, key, configKeyMistake(key))),
  ];
}

/** The same of a file in a volume. */
export function validateVolumeFieldRef(ref: FieldRef, at: string): readonly Cause[] {
  return validateFieldRef(ref, at, VOLUME_FIELDS);
}

function validateFieldRef({ apiVersion = '', fieldPath }: FieldRef, at: string, supported: readonly string[]) {
  const field = `${at}.fieldPath`;
  if (apiVersion === '') return [requiredValue(`${at}.apiVersion`)];
  if (fieldPath === '') return [requiredValue(field)];
  if (/^metadata\.(labels|annotations)\['[^']+'\]$/.test(fieldPath) || supported.includes(fieldPath)) return [];
  const isKnown = ENV_FIELDS.includes(fieldPath) || VOLUME_FIELDS.includes(fieldPath);
  if (isKnown) return [notSupported(field, fieldPath, supported)];
  return [invalidValue(field, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)];
}

/** `named`: whether the container must be named, as in volumes, which no container has for itself. */
export function validateResourceFieldRef(ref: ResourceFieldRef, at: string, named: boolean): readonly Cause[] {
  const { containerName = '', resource, divisor = '0' } = ref;
  const causes: Cause[] = named && containerName === '' ? [requiredValue(`${at}.containerName`)] : [];
  if (resource === '') return [...causes, requiredValue(`${at}.resource`)];
  if (!RESOURCES.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    return [...causes, notSupported(`${at}.resource`, resource, RESOURCES)];
  }
  return [...causes, ...validateDivisor(resource, divisor, `${at}.divisor`)];
}

const CPU_DIVISORS = ['1m', '1'];
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

function validateDivisor(resource: string, divisor: string | number, field: string): readonly Cause[] {
  const amount = parseQuantity(divisor);
  if (amount === 0) return [];
  const isCPU = resource.endsWith('.cpu');
  const allowed = isCPU ? CPU_DIVISORS : BYTE_DIVISORS;
  if (allowed.some((text) => parseQuantity(text) === amount)) return [];
  const list = isCPU ? '1m and 1' : BYTE_DIVISORS.join(', ');
  const name = resource.slice(resource.indexOf('.') + 1);
  return [invalidValue(field, resource, `only divisor's values ${list} are supported with the ${name} resource`)];
}
