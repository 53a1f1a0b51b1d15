/**
 * The Secrets that bootstrap tokens are kept in. Pure.
 * https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#bootstrap-token-secret-format
 */
import type { Secret } from './secret.ts';

export const BOOTSTRAP_TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
export const BOOTSTRAP_NAMESPACE = 'kube-system';
const NAME_PREFIX = 'bootstrap-token-';

const USAGE = 'usage-bootstrap-';

/** The groups of whom our own tokens are for: agents, and servers, which are given the cluster's keys. */
export const NODE_JOINERS = 'system:bootstrappers:postern:nodes';
export const SERVER_JOINERS = 'system:bootstrappers:postern:servers';

/** What a bootstrap token says. */
export interface BootstrapToken {
  /** Six letters and digits; no secret. */
  readonly id: string;
  /** Sixteen letters and digits. */
  readonly secret: string;
  /** Milliseconds since 1970; undefined: never. */
  readonly expires: number | undefined;
  /** `authentication`, `signing`. */
  readonly usages: readonly string[];
  /** Besides system:bootstrappers. */
  readonly groups: readonly string[];
  readonly description: string;
}

/** The name of the Secret of a token's id. */
export function bootstrapSecretName(id: string): string {
  return NAME_PREFIX + id;
}

/** What a Secret says as a bootstrap token; undefined when it is none, or says what cannot be. */
export function readBootstrapToken({ data = {}, metadata, type }: Secret): BootstrapToken | undefined {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  const [id, secret, expiration] = [text('token-id'), text('token-secret'), text('expiration')];
  const groups = text('auth-extra-groups')
    .split(',')
    .filter((group) => group !== '');
  const expires = expiration === '' ? undefined : Date.parse(expiration);
  const isToken =
    type === BOOTSTRAP_TOKEN_TYPE &&
    metadata.name === bootstrapSecretName(id) &&
    /^[a-z0-9]{6}$/.test(id) &&
    /^[a-z0-9]{16}$/.test(secret) &&
    !Number.isNaN(expires) &&
    groups.every((group) => /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group));
  if (!isToken) return undefined;
  const usages = Object.keys(data)
    .filter((key) => key.startsWith(USAGE) && text(key) === 'true')
    .map((key) => key.slice(USAGE.length));
  return { id, secret, expires, usages, groups, description: text('description') };
}

/** The Secret of a token. */
export function bootstrapSecret(token: BootstrapToken): Secret {
  const texts: Record<string, string> = {
    'token-id': token.id,
    'token-secret': token.secret,
    ...(token.expires === undefined
      ? {}
      : { expiration: new Date(token.expires).toISOString().replace(/\.\d+Z$/, 'Z') }),
    ...Object.fromEntries(token.usages.map((usage) => [USAGE + usage, 'true'])),
    ...(token.groups.length === 0 ? {} : { 'auth-extra-groups': token.groups.join(',') }),
    ...(token.description === '' ? {} : { description: token.description }),
  };
  const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')] as const);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: bootstrapSecretName(token.id), namespace: BOOTSTRAP_NAMESPACE },
    type: BOOTSTRAP_TOKEN_TYPE,
    data: Object.fromEntries(data),
  };
}
