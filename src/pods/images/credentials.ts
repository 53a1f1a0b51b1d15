/**
 * With what registries are asked: the Secrets that a pod names in imagePullSecrets, in the formats of Docker's configuration files.
 * https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/. What is in here is never logged.
 */
import type { Secret } from '../../api/core/v1/secret.ts';
import type { RegistryAuth } from '../cri/cri.ts';
import type { ImageReference } from './reference.ts';

/** One entry of a Secret. */
export interface RegistryCredential {
  /** Which images it is for: a host with or without port, `*` for a part of it, and perhaps the beginning of a path. */
  readonly host: string;
  readonly path: string;
  readonly auth: RegistryAuth;
}

/** The credentials in a Secret, or why there are none. */
export type ParsedSecret =
  | { readonly kind: 'credentials'; readonly credentials: readonly RegistryCredential[] }
  /** Without what was in it. */
  | { readonly kind: 'invalid'; readonly why: string };

// A Secret has at most 1 MiB; this many entries already is a mistake.
const MAX_ENTRIES = 1000;

/** Reads a Secret of either type for registries. What is wrong is said without what is in it. */
export function parsePullSecret({ type, data = {} }: Secret): ParsedSecret {
  const invalid = (why: string): ParsedSecret => ({ kind: 'invalid', why });
  const key = type === 'kubernetes.io/dockercfg' ? '.dockercfg' : '.dockerconfigjson';
  const text = data[key];
  if (type !== 'kubernetes.io/dockercfg' && type !== 'kubernetes.io/dockerconfigjson') {
    return invalid(`its type is ${JSON.stringify(type ?? '')}, not kubernetes.io/dockerconfigjson`);
  }
  if (text === undefined) return invalid(`it has no ${key}`);
  const parsed = parseJSON(Buffer.from(text, 'base64').toString('utf8'));
  const auths = key === '.dockercfg' ? parsed : parsed?.['auths'];
  if (!isRecord(auths)) return invalid(`its ${key} is not in the format of Docker’s configuration`);
  const entries = Object.entries(auths).slice(0, MAX_ENTRIES);
  return { kind: 'credentials', credentials: entries.flatMap(([location, entry]) => parseEntry(location, entry)) };
}

function parseEntry(location: string, entry: unknown): readonly RegistryCredential[] {
  if (!isRecord(entry)) return [];
  const [host = '', ...path] = location.replace(/^https?:\/\//, '').split('/');
  const text = (key: string): string => (typeof entry[key] === 'string' ? entry[key] : '');
  const [username, password] = text('auth') === '' ? [text('username'), text('password')] : splitAuth(text('auth'));
  const auth: RegistryAuth = {
    username,
    password,
    identityToken: text('identitytoken'),
    registryToken: text('registrytoken'),
  };
  return [{ host, path: path.join('/'), auth }];
}

/** Base64 of `NAME:PASSWORD`. */
function splitAuth(auth: string): readonly [string, string] {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** Those that may be for the image, the one with the longest path first, as the kubelet tries them. */
export function credentialsFor(
  { registry, repository }: ImageReference,
  credentials: readonly RegistryCredential[],
): readonly RegistryAuth[] {
  return credentials
    .filter(({ host, path }) => matchesHost(host, registry) && matchesPath(path, repository))
    .toSorted((a, b) => b.path.length - a.path.length)
    .map(({ auth }) => auth);
}

const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** Part by part between dots; `*` stands for some of one part. A port that is named must be the same. */
function matchesHost(pattern: string, registry: string): boolean {
  if (registry === 'docker.io') return DOCKER_HUB.includes(pattern);
  const [patternParts, parts] = [pattern.split('.'), registry.split('.')];
  return patternParts.length === parts.length && patternParts.every((part, i) => matchesPart(part, parts[i] ?? ''));
}

/** Without a regular expression, which a hostile Secret could make take for ever. */
function matchesPart(pattern: string, part: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === part;
  if (!part.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest.slice(0, -1)) {
    const found = part.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  const last = rest.at(-1) ?? '';
  return part.length - last.length >= at && part.endsWith(last);
}

/** `v1/` and `v2/` are of the registry's own interface, as in Docker's name for its Hub. */
function matchesPath(path: string, repository: string): boolean {
  const prefix = path.replace(/^v[12]\/?$/, '').replace(/\/$/, '');
  return prefix === '' || repository === prefix || repository.startsWith(`${prefix}/`);
}

function parseJSON(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // Its message would have parts of the secret.
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
