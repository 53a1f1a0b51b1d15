/** Mistakes in a pod's volumes. https://kubernetes.io/docs/concepts/storage/volumes/ */
import { forbidden, invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { duplicates, mistakeIn } from '../../../meta/validation.ts';
import { configKeyMistake, dnsLabelMistake } from '../../../names.ts';
import { parseQuantity } from '../../../quantity.ts';
import type { Cause } from '../../../status.ts';
import { isMapping } from '../../../value.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { DownwardAPIFile, KeyToPath, Volume, VolumeProjection } from '../volume.ts';
import { validateResourceFieldRef, validateVolumeFieldRef } from './env.ts';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const MODE_MAX = 0o777;
const MODE_MISTAKE = 'must be a number between 0 and 0777 (octal), both inclusive';
/** Seconds of the shortest and of the longest life of a token. */
const TOKEN_MIN = 600;
const TOKEN_MAX = 2 ** 32;

export function validateVolumes({ volumes = [] }: PodSpec, field: string): readonly Cause[] {
  return [
    ...volumes.flatMap((volume, i) => validateVolume(volume, `${field}[${i}]`)),
    ...duplicates(
      volumes,
      ({ name }) => name || undefined,
      (i) => `${field}[${i}].name`,
    ),
  ];
}

function validateVolume(volume: Volume, at: string): readonly Cause[] {
  const { name, emptyDir, hostPath, configMap, secret, downwardAPI, projected } = volume;
  const source = (kind: string) => `${at}.${kind}`;
  return [
    ...(name === '' ? [requiredValue(`${at}.name`)] : mistakeIn(`${at}.name`, name, dnsLabelMistake(name))),
    ...validateOneSource(volume, ['name'], at, 'may not specify more than 1 volume type'),
    ...(emptyDir === undefined ? [] : validateEmptyDir(emptyDir, source('emptyDir'))),
    ...(hostPath === undefined ? [] : validateHostPath(hostPath, source('hostPath'))),
    ...(configMap === undefined
      ? []
      : [...named(configMap.name, source('configMap.name')), ...validateFiles(configMap, source('configMap'))]),
    ...(secret === undefined
      ? []
      : [...named(secret.secretName, source('secret.secretName')), ...validateFiles(secret, source('secret'))]),
    ...(downwardAPI === undefined ? [] : validateDownward(downwardAPI, source('downwardAPI'))),
    ...(projected === undefined ? [] : validateProjected(projected, source('projected'))),
  ];
}

/** Sources that have no type here count too: each is a mapping. */
function validateOneSource(of: object, besides: readonly string[], at: string, why: string): readonly Cause[] {
  const sources = Object.entries(of).filter(([key, value]) => !besides.includes(key) && isMapping(value));
  if (sources.length === 0) return [requiredValue(at, 'must specify a volume type')];
  return sources.slice(1).map(([key]) => forbidden(`${at}.${key}`, why));
}

function named(name: string | undefined, field: string): readonly Cause[] {
  return name ? [] : [requiredValue(field)];
}

function validateEmptyDir({ sizeLimit }: NonNullable<Volume['emptyDir']>, at: string): readonly Cause[] {
  if (sizeLimit === undefined || (parseQuantity(sizeLimit) ?? -1) >= 0) return [];
  return [forbidden(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')];
}

function validateHostPath({ path, type = '' }: NonNullable<Volume['hostPath']>, at: string): readonly Cause[] {
  const causes: Cause[] = path === '' ? [requiredValue(`${at}.path`)] : [];
  if (path.split('/').includes('..')) causes.push(invalidValue(`${at}.path`, path, "must not contain '..'"));
  if (!HOST_PATH_TYPES.includes(type)) causes.push(notSupported(`${at}.type`, type, HOST_PATH_TYPES));
  return causes;
}

interface Files {
  readonly items?: readonly KeyToPath[];
  readonly defaultMode?: number;
}

function validateFiles({ items = [], defaultMode }: Files, at: string): readonly Cause[] {
  return [
    ...validateMode(defaultMode, `${at}.defaultMode`),
    ...items.flatMap(({ key, path, mode }, i) => [
      ...(key === '' ? [requiredValue(`${at}.items[${i}].key`)] : []),
      ...mistakeIn(`${at}.items[${i}].key`, key, key === '' ? undefined : configKeyMistake(key)),
      ...validateFilePath(path, `${at}.items[${i}].path`),
      ...validateMode(mode, `${at}.items[${i}].mode`),
    ]),
  ];
}

function validateMode(mode: number | undefined, field: string): readonly Cause[] {
  return mode === undefined || (mode >= 0 && mode <= MODE_MAX) ? [] : [invalidValue(field, mode, MODE_MISTAKE)];
}

/** Where a file is to be in a volume. Names that begin with two dots are for the links that volumes are updated by. */
function validateFilePath(path: string, field: string): readonly Cause[] {
  if (path === '') return [requiredValue(field)];
  if (path.startsWith('..') && !path.split('/').includes('..')) {
    return [invalidValue(field, path, "must not start with '..'")];
  }
  return validateDescendingPath(path, field);
}

/** A path that leads nowhere but down. */
export function validateDescendingPath(path: string, field: string): readonly Cause[] {
  if (path.startsWith('/')) return [invalidValue(field, path, 'must be a relative path')];
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : [];
}

function validateDownward({ items = [], defaultMode }: NonNullable<Volume['downwardAPI']>, at: string) {
  return [
    ...validateMode(defaultMode, `${at}.defaultMode`),
    ...items.flatMap((file, i) => validateDownwardFile(file, `${at}.items[${i}]`)),
  ];
}

function validateDownwardFile(file: DownwardAPIFile, at: string): readonly Cause[] {
  const { path, fieldRef, resourceFieldRef, mode } = file;
  const causes: Cause[] = [...validateFilePath(path, `${at}.path`), ...validateMode(mode, `${at}.mode`)];
  if (fieldRef === undefined && resourceFieldRef === undefined) {
    causes.push(requiredValue(`${at}.fieldRef`, 'one of fieldRef and resourceFieldRef is required'));
  }
  if (fieldRef !== undefined && resourceFieldRef !== undefined) {
    causes.push(invalidValue(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  }
  if (fieldRef !== undefined) causes.push(...validateVolumeFieldRef(fieldRef, `${at}.fieldRef`));
  if (resourceFieldRef !== undefined) {
    causes.push(...validateResourceFieldRef(resourceFieldRef, `${at}.resourceFieldRef`, true));
  }
  return causes;
}

function validateProjected({ sources = [], defaultMode }: NonNullable<Volume['projected']>, at: string) {
  const seen = new Set<string>();
  const taken = sources.flatMap(pathsOf).filter((path) => seen.size === seen.add(path).size);
  return [
    ...validateMode(defaultMode, `${at}.defaultMode`),
    ...sources.flatMap((part, i) => validatePart(part, `${at}.sources[${i}]`)),
    ...[...new Set(taken)].map((path) => invalidValue(at, path, 'conflicting duplicate paths')),
  ];
}

function validatePart(part: VolumeProjection, at: string): readonly Cause[] {
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = part;
  return [
    ...validateOneSource(part, [], at, 'may not specify more than 1 volume type'),
    ...(configMap === undefined
      ? []
      : [...named(configMap.name, `${at}.configMap.name`), ...validateFiles(configMap, `${at}.configMap`)]),
    ...(secret === undefined
      ? []
      : [...named(secret.name, `${at}.secret.name`), ...validateFiles(secret, `${at}.secret`)]),
    ...(downwardAPI === undefined ? [] : validateDownward(downwardAPI, `${at}.downwardAPI`)),
    ...(token === undefined ? [] : validateToken(token, `${at}.serviceAccountToken`)),
  ];
}

function validateToken(token: NonNullable<VolumeProjection['serviceAccountToken']>, at: string): readonly Cause[] {
  const { path, expirationSeconds: seconds = TOKEN_MIN } = token;
  const field = `${at}.expirationSeconds`;
  return [
    ...validateFilePath(path, `${at}.path`),
    ...(seconds < TOKEN_MIN ? [invalidValue(field, seconds, 'may not specify a duration less than 10 minutes')] : []),
    ...(seconds > TOKEN_MAX
      ? [invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds')]
      : []),
  ];
}

function pathsOf({ configMap, secret, downwardAPI, serviceAccountToken }: VolumeProjection): readonly string[] {
  const files = [...(configMap?.items ?? []), ...(secret?.items ?? []), ...(downwardAPI?.items ?? [])];
  return [...files.map(({ path }) => path), ...(serviceAccountToken === undefined ? [] : [serviceAccountToken.path])];
}
