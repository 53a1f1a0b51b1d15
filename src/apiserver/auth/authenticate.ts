/** Who a request is from: a client certificate of our own authority, the token of a service account, or one to join with. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { failure } from '../../api/status.ts';
import type { Logger } from '../../host/log.ts';
import { messageOf } from '../../lib/errors.ts';
import type { BootstrapTokens } from './bootstrap-tokens.ts';
import type { CertificateMetrics } from './certificate-metrics.ts';
import { TokenError } from './tokens/token-keys.ts';
import type { Tokens } from './tokens/tokens.ts';
import { ANONYMOUS, AUTHENTICATED, type User } from './user.ts';

export { ANONYMOUS, type User } from './user.ts';

/** Answers with the user; throws an ApiError, 401, for a token or a certificate that is not good. */
export type Authenticate = (request: IncomingMessage) => Promise<User>;

export interface AuthenticatorParts {
  /** Of service accounts. */
  readonly tokens: Tokens;
  /** Of those who join. */
  readonly bootstrap: BootstrapTokens;
  /** Wall-clock milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  readonly metrics?: CertificateMetrics;
}

/** A certificate goes before a token, and one that is not good counts for nothing beside a token; with neither it is {@link ANONYMOUS}. */
export function authenticator(parts: AuthenticatorParts): Authenticate {
  const { tokens, bootstrap } = parts;
  return async (request) => {
    const certificate = certificateOf(request.socket, parts);
    if (certificate.kind === 'user') return certificate.user;
    const token = bearer(request.headers.authorization);
    if (token !== undefined) return userOfToken(token, { tokens, bootstrap });
    // Whether the server lives is for everybody to know, also for those whose time is over.
    if (certificate.kind === 'none' || HEALTH.test(request.url ?? '')) return ANONYMOUS;
    throw unauthorized();
  };
}

const HEALTH = /^\/(healthz|livez|readyz)(\?|$)/;

async function userOfToken(token: string, parts: Pick<AuthenticatorParts, 'tokens' | 'bootstrap'>): Promise<User> {
  const found = await parts.bootstrap.authenticate(token);
  if (found === 'refused') throw unauthorized();
  if (found !== 'other') return found;
  try {
    return (await parts.tokens.authenticate(token)).user;
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    throw unauthorized();
  }
}

/** Why is not told: it would help only those who try things out. */
function unauthorized() {
  return failure(401, 'Unauthorized', 'Unauthorized');
}

/** The token in the header (RFC 6750 section 2.1); undefined when there is none. */
function bearer(header: string | undefined): string | undefined {
  const match = /^bearer +(\S+) *$/i.exec((header ?? '').slice(0, 32 * 1024));
  return match?.[1];
}

/** What the certificate of a connection proves. */
type Certificate =
  | { readonly kind: 'none' }
  /** It is not ours, is out of date, or is not meant for clients. */
  | { readonly kind: 'refused' }
  /** `until`: its end, in milliseconds since 1970. */
  | { readonly kind: 'user'; readonly user: User; readonly until: number };

const NONE: Certificate = { kind: 'none' };
const REFUSED: Certificate = { kind: 'refused' };

/** A connection proves who it is from once, in its handshake: reading the certificate anew for each request is dear. */
const known = new WeakMap<Socket, Certificate>();

/** A connection may outlive the certificate that it was opened with, which then proves nothing any more. */
type Surroundings = Pick<AuthenticatorParts, 'now' | 'log' | 'metrics'>;

function certificateOf(socket: Socket, surroundings: Surroundings): Certificate {
  const { now, log } = surroundings;
  const found = known.get(socket) ?? readCertificate(socket, surroundings);
  const isOver = found.kind === 'user' && now() >= found.until;
  if (isOver) log.warn({ user: found.user.name, remote: socket.remoteAddress }, 'a client certificate has expired');
  const certificate = isOver ? REFUSED : found;
  known.set(socket, certificate);
  return certificate;
}

/** CN is the name, each O a group. */
function readCertificate(socket: Socket, { now, log, metrics }: Surroundings): Certificate {
  if (!(socket instanceof TLSSocket)) return NONE;
  const { subject, valid_to: until } = socket.getPeerCertificate();
  if (subject === undefined) return NONE;
  const name = first(subject.CN);
  metrics?.observe(Date.parse(until) - now());
  if (!socket.authorized) {
    const why = messageOf(socket.authorizationError);
    log.warn({ subject: name, until, why, remote: socket.remoteAddress }, 'a client certificate is refused');
    return REFUSED;
  }
  if (name === undefined || name === '') return NONE;
  return { kind: 'user', user: { name, groups: [...all(subject.O), AUTHENTICATED] }, until: Date.parse(until) };
}

function all(value: string | string[] | undefined): readonly string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
