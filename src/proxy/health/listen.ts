/** Small answers over HTTP to whoever asks: bounded in connections, time and bytes. Nothing that is sent is kept. */
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { stat, unlink } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { isAbsolute } from 'node:path';
import { seconds } from '../../lib/duration.ts';
import { codeOf } from '../../lib/errors.ts';

/** Where to listen. Port 0: any that is free. `::` stands for all addresses of both families. */
export interface ListenAddress {
  /** Or the absolute path of a unix socket, which only its owner may use; its port means nothing. */
  readonly address: string;
  readonly port: number;
}

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The answer to GET of a path; undefined where there is nothing. Must not throw; an answer that takes time may fail, and
 * then is a 500 with its reason.
 */
export type Answerer = (path: string) => Answer | undefined | Promise<Answer>;

export interface Listening {
  /** The one it listens on. */
  readonly port: number;
  /** Ends it, and every connection. */
  close(): Promise<void>;
}

/** Resolves when it listens; rejects with the system's error when it cannot. */
export type Listen = (at: ListenAddress, answer: Answerer) => Promise<Listening>;

/** Load balancers ask every few seconds, from a handful of addresses each. */
const MAX_CONNECTIONS = 128;
const MAX_HEADER_BYTES = 8192;
const PATIENCE = seconds(5);

/** Where the kernel knows no IPv6 at all, all addresses are those of IPv4. */
export const listenHTTP: Listen = async (at, answer) => {
  try {
    return await listenOn(at, answer);
  } catch (error) {
    const code = codeOf(error);
    if (at.address !== '::' || code !== 'EAFNOSUPPORT') throw error;
    return listenOn({ ...at, address: '0.0.0.0' }, answer);
  }
};

async function listenOn(at: ListenAddress, answer: Answerer): Promise<Listening> {
  const isPath = isAbsolute(at.address);
  if (isPath) await removeSocket(at.address);
  const server = makeServer(answer);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const where = isPath ? { path: at.address } : { host: at.address, port: at.port };
    server.listen({ ...where, exclusive: true }, () => {
      if (isPath) chmodSync(at.address, 0o600);
      server.off('error', reject);
      // A connection that cannot be accepted, as when files run out, is its client's to repeat.
      server.on('error', () => {});
      const bound = server.address();
      resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : at.port, close: () => close(server) });
    });
  });
}

/** One that a run left that was killed. What is no socket is somebody else's, and so is one where somebody listens. */
async function removeSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined); // Where there is nothing, nothing is in the way.
  if (found?.isSocket() && !(await isInUse(path))) await unlink(path);
}

async function isInUse(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if (codeOf(error) === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

function makeServer(answer: Answerer): Server {
  const times = { headersTimeout: PATIENCE, requestTimeout: PATIENCE, keepAliveTimeout: PATIENCE };
  const options = { ...times, connectionsCheckingInterval: PATIENCE, maxHeaderSize: MAX_HEADER_BYTES };
  const server = createServer(options, (request, response) => {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const [path = '/'] = (request.url ?? '/').split('?');
    if (!reads) response.shouldKeepAlive = false; // What else it sends is not read.
    const answered = reads ? (answer(path) ?? NOT_FOUND) : NOT_ALLOWED;
    if (answered instanceof Promise)
      answered.then(
        (late) => send(response, late),
        (error) => send(response, failed(error)),
      );
    else send(response, answered);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', (_, socket) => socket.destroy());
  return server;
}

function send(response: ServerResponse, { code, headers, body }: Answer): void {
  response.writeHead(code, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const failed = (error: unknown): Answer => ({ code: 500, headers: PLAIN, body: `${String(error)}\n` });

const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
const NOT_FOUND: Answer = { code: 404, headers: PLAIN, body: 'not found\n' };
const NOT_ALLOWED: Answer = { code: 405, headers: { ...PLAIN, Allow: 'GET, HEAD' }, body: 'only GET and HEAD\n' };

/** Headers of an answer in JSON. */
export const JSON_HEADERS = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' } as const;

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
