/** Who a request is from: the client certificate of our own authority, and nothing else. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** A request that proved nothing. */
export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

const AUTHENTICATED = 'system:authenticated';

/** A connection proves who it is from once, in its handshake: reading the certificate anew for each request is dear. */
const known = new WeakMap<Socket, User>();

/** The user of a connection: CN is the name, each O a group. {@link ANONYMOUS} without a certificate that we signed. */
export function authenticate(socket: Socket): User {
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
