/**
 * Logs, commands and ports of pods: `kubectl logs`, `exec`, `attach`, `cp` and `port-forward`. What a client sends and gets is
 * passed on as it is: the agent of the pod's node speaks the client's protocol, WebSocket or SPDY/3.1.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Pod } from '../../api/core/v1/pod.ts';
import { badRequest, failure, notFound } from '../../api/status.ts';
import { minutes, seconds } from '../../lib/duration.ts';
import { attemptOf } from '../auth/attempt.ts';
import type { User } from '../auth/authenticate.ts';
import { authorize } from '../auth/authorize.ts';
import type { Api } from '../context.ts';
import { isHTTP2 } from '../http/http2.ts';
import type { StreamPath } from '../http/route.ts';
import type { Upgrade } from '../http/upgrade.ts';
import { objectKey } from '../storage/keys.ts';
import { askNode } from './ask-node.ts';
import type { NodeLinks } from './node-links.ts';
import { podRequest } from './pod-request.ts';

/** A stream on which nothing has been said for this long is ended: as kubelets do. */
const IDLE_LIMIT = minutes(240);
/** TCP keep-alive: a client whose machine is gone is noticed within half a minute. */
const KEEP_ALIVE = seconds(15);

/** A client's request for a stream, and what serving it needs. */
export interface StreamExchange {
  readonly api: Api;
  readonly links: NodeLinks;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: Upgrade | undefined;
  readonly query: URLSearchParams;
  readonly user: User;
  /** Aborted when the server ends. */
  readonly ending: AbortSignal;
}

/** Serves a stream to its end. Throws an ApiError until it has begun. */
export async function serveStream(exchange: StreamExchange, path: StreamPath): Promise<void> {
  const { api, links, request, query, ending, upgrade } = exchange;
  const { namespace, name, stream } = path;
  allow(exchange, path);
  checkMethod(request.method ?? '', stream);
  const entry = await api.store.get(objectKey(Pod, namespace, name));
  if (entry === undefined) throw notFound(Pod, name);
  const asked = podRequest(api.codec.decode(entry).object as Pod, stream, query);
  if (asked === undefined) return sendNothing(exchange.response);
  if (stream !== 'log' && upgrade === undefined)
    throw badRequest(
      `${stream} needs a connection that changes to WebSocket or SPDY/3.1 (the headers Connection: Upgrade and Upgrade)`,
    );

  const gone = goneOrEnding(upgrade === undefined ? exchange.response : request.socket, ending);
  const connection = await links.connect(asked.node, gone);
  const headers = stream === 'log' ? {} : withoutTokens(passedOn(request.headers, REQUEST_HEADERS));
  const answer = await askNode(connection, {
    method: request.method ?? 'GET',
    path: asked.path,
    headers,
    signal: gone,
  });
  // A connection of HTTP/2 is not this stream's alone.
  if (!isHTTP2(request)) request.socket.setKeepAlive(true, KEEP_ALIVE);
  if (answer.kind === 'body') return await sendBody(exchange, answer.response);
  if (upgrade === undefined)
    throw failure(502, 'InternalError', 'the node answered with a protocol that was not asked for');
  const client = upgrade.accept({
    upgrade: request.headers.upgrade ?? '',
    ...passedOn(answer.headers, ANSWER_HEADERS),
  });
  await join(client, answer.socket, ending);
}

/** In Kubernetes, reading a log is `get`, and each of the others is `create`, whatever the method. */
function allow({ api, user }: StreamExchange, { namespace, name, stream }: StreamPath): void {
  const target = { kind: Pod, namespace, name, subresource: stream };
  const refused = authorize(api.access, user, attemptOf(stream === 'log' ? 'get' : 'create', target));
  if (refused !== undefined) throw refused;
}

/** A WebSocket is asked for by GET, SPDY/3.1 by either. */
function checkMethod(method: string, stream: string): void {
  if (method === 'GET' || (method === 'POST' && stream !== 'log')) return;
  throw failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

/** All that a node is told of a client's headers: nothing that says who it is. */
const REQUEST_HEADERS = [
  'connection',
  'upgrade',
  'origin',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'x-stream-protocol-version',
];
const ANSWER_HEADERS = ['sec-websocket-accept', 'sec-websocket-protocol', 'x-stream-protocol-version'];

function passedOn(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string | readonly string[]> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

/** Browsers, which can set no other header, may send a token among the protocols that they offer: nodes are not to see it. */
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

function withoutTokens(
  headers: Record<string, string | readonly string[]>,
): Record<string, string | readonly string[]> {
  const { 'sec-websocket-protocol': offered } = headers;
  if (typeof offered !== 'string') return headers;
  const kept = offered.split(',').filter((name) => !name.trim().startsWith(TOKEN_PROTOCOL));
  return { ...headers, 'sec-websocket-protocol': kept.join(',') };
}

/** Aborted when the client's connection has gone, or the server ends. */
function goneOrEnding(client: ServerResponse | Duplex, ending: AbortSignal): AbortSignal {
  const gone = new AbortController();
  if (client.destroyed) gone.abort();
  client.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, ending]);
}

function sendNothing(response: ServerResponse): void {
  response.writeHead(200, LOG_HEADERS).end();
}

const LOG_HEADERS = { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' };

async function sendBody({ response, ending }: StreamExchange, body: IncomingMessage): Promise<void> {
  response.setTimeout(IDLE_LIMIT, () => response.destroy());
  response.writeHead(200, LOG_HEADERS);
  // A follower learns at once that it is being served.
  response.flushHeaders();
  try {
    await pipeline(body, response, { signal: ending });
  } catch {
    // One of the two has gone, and the other is told so by the end of its connection.
  } finally {
    body.destroy();
    response.socket?.setTimeout(0);
  }
}

/**
 * Passes on what either says until one of them has gone, or neither has said anything for long. Neither is read faster than the other
 * takes it; one that has no more to say is still heard.
 */
async function join(client: Duplex, node: Duplex, ending: AbortSignal): Promise<void> {
  const ended = [client, node].map(closed);
  const end = () => {
    client.destroy();
    node.destroy();
  };
  for (const side of [client, node]) {
    // A connection that broke is as good as one that ended: there is nobody to tell but the other side.
    side.on('error', end).once('close', end);
    if (side instanceof Socket) side.setTimeout(IDLE_LIMIT, end);
  }
  ending.addEventListener('abort', end, { once: true });
  if (ending.aborted || client.destroyed || node.destroyed) end();
  client.pipe(node).pipe(client);
  await Promise.all(ended);
  ending.removeEventListener('abort', end);
}

function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once('close', resolve);
  });
}
