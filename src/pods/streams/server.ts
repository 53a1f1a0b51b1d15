/**
 * What a kubelet serves to the API server, on connections that the agent has opened itself: logs, commands and ports of the node's
 * pods. Nothing listens; who may ask has been decided by the API server.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, failure, internalError } from '../../api/status.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { messageOf } from '../../lib/errors.ts';
import { type ContainerRuntime, CRIError } from '../cri/cri.ts';
import type { PodLookup } from '../parts.ts';
import { serveLogs } from './logs.ts';
import { readRequest, type StreamRequest } from './request.ts';
import { serveUpgrade } from './upgrade.ts';

export interface ServerParts {
  readonly nodeName: string;
  readonly pods: PodLookup;
  /** Undefined while it cannot be reached. */
  readonly runtime: () => ContainerRuntime | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A server that is given its connections: it listens nowhere. Its streams end with the signal. */
export function makeStreamServer(parts: ServerParts, signal: AbortSignal): Server {
  const server = createServer({ requestTimeout: seconds(30), keepAlive: true }, (request, response) => {
    void serve(parts, request, response, signal);
  });
  server.on('upgrade', (request, socket, head) => void upgrade(parts, { request, socket, head }, signal));
  // What is no HTTP is the API server's to explain.
  server.on('clientError', (_, socket) => socket.destroy());
  return server;
}

async function serve(
  parts: ServerParts,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  try {
    const asked = read(request);
    if (asked.kind !== 'logs')
      throw failure(400, 'BadRequest', `${asked.kind} needs a connection that changes its protocol`);
    await serveLogs(parts, asked, response, signal);
  } catch (error) {
    const status = statusOf(parts, request, error);
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(status.code, { 'content-type': 'application/json', connection: 'close' })
        .end(JSON.stringify(status));
  }
}

export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

async function upgrade(parts: ServerParts, asked: UpgradeRequest, signal: AbortSignal): Promise<void> {
  const { request, socket } = asked;
  // What is opened for a client goes with it.
  const gone = new AbortController();
  const end = () => socket.destroy();
  socket.on('error', end).once('close', () => gone.abort());
  signal.addEventListener('abort', end, { once: true });
  gone.signal.addEventListener('abort', () => signal.removeEventListener('abort', end), { once: true });
  try {
    await serveUpgrade(parts, asked, read(request), gone.signal);
  } catch (error) {
    if (gone.signal.aborted) return;
    const status = statusOf(parts, request, error);
    const text = JSON.stringify(status);
    socket.end(
      `HTTP/1.1 ${status.code} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    );
  }
}

function read({ url = '' }: IncomingMessage): StreamRequest {
  const asked = readRequest(url);
  if (asked === undefined) throw failure(404, 'NotFound', 'the node serves nothing at this path', {});
  return asked;
}

function statusOf({ log }: ServerParts, { url }: IncomingMessage, error: unknown): ApiError['status'] {
  if (error instanceof ApiError) return error.status;
  if (error instanceof CRIError) return internalError(`${error.call}: ${error.message}`).status;
  log.warn({ err: error, path: url?.split('?', 1)[0] }, 'a stream of a pod has failed');
  return internalError(messageOf(error)).status;
}
