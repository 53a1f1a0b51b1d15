/** The HTTPS servers: one on an address, and perhaps one on a Unix socket. */
import { chmod, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, ListenOptions, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { codeOf } from '../../lib/errors.ts';
import type { Pki } from '../pki/pki.ts';
import { chooseProtocol, serveHTTP2 } from './http2.ts';
import { secureContext, type TLSVersion } from './serving-certificate.ts';
import { mayUpgrade } from './upgrade.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** The address cannot be listened on; the message says what to do. */
export class ListenError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ListenError';
  }
}

/** Why it is not listened, as fields of a line of the log: a {@link ListenError} says all there is to know. */
export function listenFields(error: unknown): { readonly reason: string } | { readonly err: unknown } {
  return error instanceof ListenError ? { reason: error.message } : { err: error };
}

/** What is done with requests, and with those that are to leave HTTP. */
export interface Handlers {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Told of each connection, before TLS is spoken on it. */
  readonly onConnection: (socket: Socket) => void;
  /** Told of each connection that speaks HTTP/2. */
  readonly onSession: (session: ServerHttp2Session) => void;
}

/** A server that asks clients for a certificate, and leaves it to the handler what to do without one. */
export function makeServer(
  pki: Pki,
  { onRequest, onUpgrade, onConnection, onSession }: Handlers,
  log: Logger,
  minVersion: TLSVersion = 'TLSv1.3',
): Server {
  const server = createServer(
    {
      ...secureContext(pki, minVersion),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNCallback: chooseProtocol,
      handshakeTimeout: seconds(10),
      headersTimeout: seconds(20),
      requestTimeout: seconds(60),
      // Longer than the 90 s that Go's clients keep an idle connection, so that it is they who end it.
      keepAliveTimeout: seconds(120),
      shouldUpgradeCallback: mayUpgrade,
    },
    onRequest,
  );
  serveHTTP2(server, onRequest, onSession);
  server.on('connection', onConnection);
  server.on('upgrade', onUpgrade);
  // A handshake that fails is the client's to report.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  // What goes wrong while listening is thrown there; later, as when no more connections can be taken, it is not the end.
  server.on('error', (err) => {
    if (server.listening) log.error({ err }, 'cannot take a connection');
  });
  return server;
}

/** Listens on an address. Throws {@link ListenError}. */
export async function listenOn(server: Server, { host, port }: ListenAddress): Promise<AddressInfo> {
  try {
    await listen(server, { host, port });
  } catch (cause) {
    throw refused(`${host.includes(':') ? `[${host}]` : host}:${port}`, cause as NodeJS.ErrnoException);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no address');
  return address;
}

/** Listens on a Unix socket. What an earlier run left there is replaced; anything else is refused. */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<void> {
  await removeStale(path);
  try {
    await listen(server, { path });
    await chmod(path, mode);
  } catch (cause) {
    throw refused(path, cause as NodeJS.ErrnoException);
  }
}

async function removeStale(path: string): Promise<void> {
  try {
    if (!(await stat(path)).isSocket())
      throw new ListenError(`${path} exists and is not a socket; remove it or name another`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  await rm(path, { force: true });
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function refused(where: string, cause: NodeJS.ErrnoException): ListenError {
  return new ListenError(`cannot listen on ${where}: ${REMEDIES[cause.code ?? ''] ?? cause.message}`, { cause });
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'the port is in use, perhaps by another postern or a Kubernetes API server (see who: ss -ltnp). Stop it, or choose another port with --listen HOST:PORT; port 0 picks a free one',
  EADDRNOTAVAIL:
    'this machine does not have that address. Choose one of its own (see: ip address) with --listen HOST:PORT',
  EACCES: 'permission denied. Ports below 1024 need root; choose a higher one with --listen HOST:PORT',
  ENOTFOUND: 'the host name is not known. Give an address with --listen HOST:PORT',
};
