/** Connections to the API server that are no calls: lines as they come, and connections that are handed over whole. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { ApiError } from '../api/status.ts';
import { seconds } from '../lib/duration.ts';
import { messageOf } from '../lib/errors.ts';
import { type Endpoint, TransportError } from './client.ts';
import { basePath, connectionOptions } from './connection-options.ts';
import { apiError, readBody } from './http-client.ts';
import { jsonLines } from './json-lines.ts';
import { TokenFile } from './token-file.ts';

/** Until the server has answered. */
const ANSWER_LIMIT = seconds(30);
/** TCP keep-alive: how a server that vanished is noticed on a connection on which nothing is said. */
const KEEP_ALIVE = seconds(15);
/** Longest line of {@link openLines}. */
const LINE_LIMIT = 64 * 1024;

/**
 * Asks for lines of JSON, each of bounded length, until the signal is aborted or the server ends them. Rejects with an ApiError, or a
 * {@link TransportError}, as the iteration does when the connection breaks.
 */
export async function openLines(
  endpoint: Endpoint,
  path: string,
  signal: AbortSignal,
): Promise<AsyncIterable<unknown>> {
  const answer = await open(endpoint, { path, signal });
  if (answer.kind === 'upgraded') {
    answer.socket.destroy();
    throw unreachable(endpoint, path, new Error('the server changed to another protocol'));
  }
  return jsonLines(answer.response as AsyncIterable<Buffer>, LINE_LIMIT);
}

/** Asks the server to speak `protocol` on the connection, which is the caller's then, and stays when the signal is aborted later. */
export async function openUpgraded(
  endpoint: Endpoint,
  path: string,
  protocol: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const headers = { connection: 'Upgrade', upgrade: protocol };
  const answer = await open(endpoint, { path, signal, headers });
  if (answer.kind === 'upgraded') return answer.socket;
  answer.response.destroy();
  throw unreachable(endpoint, path, new Error(`the server does not speak ${protocol}`));
}

type Answer =
  | { readonly kind: 'response'; readonly response: IncomingMessage }
  | { readonly kind: 'upgraded'; readonly socket: Duplex };

interface Ask {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

async function open(endpoint: Endpoint, { path, signal, headers }: Ask): Promise<Answer> {
  const options = await requestOptions(endpoint, path, headers);
  // What was handed over is no longer the request's to end.
  const asking = new AbortController();
  const stop = () => asking.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const answer = await send({ ...options, signal: asking.signal });
    if (answer.kind === 'upgraded') signal.removeEventListener('abort', stop);
    else answer.response.once('close', () => signal.removeEventListener('abort', stop));
    const code = answer.kind === 'response' ? (answer.response.statusCode ?? 0) : 0;
    if (answer.kind === 'upgraded' || (code >= 200 && code < 300)) return answer;
    throw apiError(code, await readBody(answer.response));
  } catch (error) {
    signal.removeEventListener('abort', stop);
    throw error instanceof ApiError ? error : unreachable(endpoint, path, error);
  }
}

function send(options: RequestOptions & { readonly protocol: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request: ClientRequest = options.protocol === 'http:' ? httpRequest(options) : httpsRequest(options);
    request.once('error', reject);
    request.once('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE));
    request.setTimeout(ANSWER_LIMIT, () => request.destroy(new Error(`no answer within ${ANSWER_LIMIT / 1000} s`)));
    request.once('response', (response) => {
      request.setTimeout(0);
      resolve({ kind: 'response', response });
    });
    request.once('upgrade', (_, socket, head) => {
      request.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve({ kind: 'upgraded', socket });
    });
    request.end();
  });
}

async function requestOptions(
  endpoint: Endpoint,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RequestOptions & { readonly protocol: string }> {
  const { server, tokenFile } = endpoint;
  const token = tokenFile === undefined ? endpoint.token : await new TokenFile(tokenFile).token();
  return {
    ...connectionOptions(endpoint),
    protocol: new URL(server).protocol,
    method: 'GET',
    path: basePath(endpoint) + path,
    agent: false,
    headers: {
      accept: 'application/json',
      host: new URL(server).host,
      'user-agent': 'postern',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
  };
}

function unreachable({ server, socketPath }: Endpoint, path: string, cause: unknown): TransportError {
  const where = socketPath === undefined ? server : `${server} (through ${socketPath})`;
  const why = messageOf(cause);
  return new TransportError(`GET ${path}: cannot talk to the API server at ${where}: ${why}`, { cause });
}
