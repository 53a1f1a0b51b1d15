/**
 * Names of images, as manifests have them and as containerd knows them: Docker Hub and the tag `latest` are understood where a name
 * leaves them out. The grammar is that of github.com/distribution/reference.
 */

export interface ImageReference {
  readonly kind: 'reference';
  /** `docker.io`, or what comes before the first slash when it looks like a host. */
  readonly registry: string;
  /** `library/busybox`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:…`. */
  readonly digest: string | undefined;
  /** The whole name, as containerd keeps it: `docker.io/library/busybox:latest`. */
  readonly name: string;
}

export interface InvalidReference {
  readonly kind: 'invalid';
  readonly why: string;
}

const DOMAIN_PART = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const DOMAIN = new RegExp(`^(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const BARE_ID = /^[a-f0-9]{64}$/;

const MAX_NAME_LENGTH = 255;
const MAX_REFERENCE_LENGTH = 1024;

/** Parses the name of an image. The reasons are distribution's, as the kubelet shows them. */
export function parseReference(text: string): ImageReference | InvalidReference {
  const invalid = (why: string): InvalidReference => ({ kind: 'invalid', why });
  if (text === '' || text.length > MAX_REFERENCE_LENGTH) return invalid('invalid reference format');
  if (BARE_ID.test(text)) {
    return invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const [rest, digest] = splitAt(text, text.indexOf('@'));
  const colon = rest.lastIndexOf(':');
  const [path, tag] = splitAt(rest, colon > rest.lastIndexOf('/') ? colon : -1);
  const { registry, repository } = locate(path);
  if (/[A-Z]/.test(repository))
    return invalid(`invalid reference format: repository name (${repository}) must be lowercase`);
  const wellFormed =
    DOMAIN.test(registry) &&
    repository.split('/').every((part) => PATH_PART.test(part)) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest));
  if (!wellFormed) return invalid('invalid reference format');
  const base = `${registry}/${repository}`;
  if (base.length > MAX_NAME_LENGTH)
    return invalid(`repository name must not be more than ${MAX_NAME_LENGTH} characters`);
  const effectiveTag = tag ?? (digest === undefined ? 'latest' : undefined);
  const name = `${base}${effectiveTag === undefined ? '' : `:${effectiveTag}`}${digest === undefined ? '' : `@${digest}`}`;
  return { kind: 'reference', registry, repository, tag: effectiveTag, digest, name };
}

function splitAt(text: string, index: number): [string, string | undefined] {
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

const DOCKER_HUB = 'docker.io';

/** What is before the first slash is a host when it has a dot, a port or a capital, or is localhost. */
function locate(path: string): { registry: string; repository: string } {
  const [first = '', rest] = splitAt(path, path.indexOf('/'));
  const isHost = rest !== undefined && (/[.:A-Z]/.test(first) || first === 'localhost');
  const registry = isHost ? first : DOCKER_HUB;
  const repository = isHost ? rest : path;
  if (registry !== DOCKER_HUB && registry !== 'index.docker.io') return { registry, repository };
  return { registry: DOCKER_HUB, repository: repository.includes('/') ? repository : `library/${repository}` };
}
