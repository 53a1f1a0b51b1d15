/** Who a request is from: a client certificate of our own authority, or the token of a service account. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { failure } from '../../api/status.ts';
import { TokenError } from './tokens/token-keys.ts';
import type { Tokens } from './tokens/tokens.ts';
import { ANONYMOUS, AUTHENTICATED, type User } from './user.ts';

export { ANONYMOUS, type User } from './user.ts';

/** Answers with the user; throws an ApiError, 401, for a token that is not good. */
export type Authenticate = (request: IncomingMessage) => Promise<User>;

/** A certificate goes before a token; with neither it is {@link ANONYMOUS}. */
export function authenticator(tokens: Tokens): Authenticate {
  return async (request) => {
    const user = userOfConnection(request.socket);
    if (user !== ANONYMOUS) return user;
    const token = bearer(request.headers.authorization);
    if (token === undefined) return ANONYMOUS;
    try {
      return (await tokens.authenticate(token)).user;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      // Why is not told: it would help only those who try tokens out.
      throw failure(401, 'Unauthorized', 'Unauthorized');
    }
  };
}

/** The token in the header (RFC 6750 section 2.1); undefined when there is none. */
function bearer(header: string | undefined): string | undefined {
  const match = /^bearer +(\S+) *$/i.exec((header ?? '').slice(0, 32 * 1024));
  return match?.[1];
}

/** A connection proves who it is from once, in its handshake: reading the certificate anew for each request is dear. */
const known = new WeakMap<Socket, User>();

/** The user of a connection: CN is the name, each O a group. {@link ANONYMOUS} without a certificate that we signed. */
function userOfConnection(socket: Socket): User {
  const found = known.get(socket) ?? identify(socket);
  known.set(socket, found);
  return found;
}

function identify(socket: Socket): User {
  // `authorized` is false for a certificate that is not ours, is out of date, or is not meant for clients.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return ANONYMOUS;
  const { subject } = socket.getPeerCertificate();
  const name = first(subject?.CN);
  if (name === undefined || name === '') return ANONYMOUS;
  return { name, groups: [...all(subject.O), AUTHENTICATED] };
}

function all(value: string | string[] | undefined): readonly string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
