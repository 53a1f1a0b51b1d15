/** Small answers over HTTP to whoever asks: bounded in connections, time and bytes. Nothing that is sent is kept. */
import { createServer, type Server } from 'node:http';
import { seconds } from '../../lib/duration.ts';

/** Where to listen. Port 0: any that is free. `::` stands for all addresses of both families. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer to GET of a path; undefined where there is nothing. Must not throw. */
export type Answerer = (path: string) => Answer | undefined;

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
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (at.address !== '::' || code !== 'EAFNOSUPPORT') throw error;
    return listenOn({ ...at, address: '0.0.0.0' }, answer);
  }
};

function listenOn(at: ListenAddress, answer: Answerer): Promise<Listening> {
  const server = makeServer(answer);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: at.address, port: at.port, exclusive: true }, () => {
      server.off('error', reject);
      // A connection that cannot be accepted, as when files run out, is its client's to repeat.
      server.on('error', () => {});
      const bound = server.address();
      resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : at.port, close: () => close(server) });
    });
  });
}

function makeServer(answer: Answerer): Server {
  const times = { headersTimeout: PATIENCE, requestTimeout: PATIENCE, keepAliveTimeout: PATIENCE };
  const options = { ...times, connectionsCheckingInterval: PATIENCE, maxHeaderSize: MAX_HEADER_BYTES };
  const server = createServer(options, (request, response) => {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const [path = '/'] = (request.url ?? '/').split('?');
    const { code, headers, body } = reads ? (answer(path) ?? NOT_FOUND) : NOT_ALLOWED;
    if (!reads) response.shouldKeepAlive = false; // What else it sends is not read.
    response.writeHead(code, { ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', (_, socket) => socket.destroy());
  return server;
}

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
