/**
 * HTTP/2 beside HTTP/1.1 on one port: for clients that keep many watches, which here share a connection with each other and with
 * requests, and so its handshake and what it weighs. It is chosen for those that offer nothing else. Whoever offers both, as kubectl does, gets
 * HTTP/1.1, which alone can change to WebSocket and SPDY. https://www.rfc-editor.org/rfc/rfc9113
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { seconds } from '../../lib/duration.ts';

export const HTTP2 = 'h2';
const HTTP1 = 'http/1.1';

/** Requests of one connection at a time. */
const STREAMS = 250;
/**
 * What one connection may make the server hold for it, in megabytes, before further requests on it are refused. Long lists that the client
 * has not read yet count, and must not keep its other requests out: `limits/flow-control.ts` bounds those.
 */
const SESSION_MEMORY = 256;
/** Header fields of one request, in bytes: as much as Node.js takes in HTTP/1.1. */
const HEADERS = 16 * 1024;
/** A connection with nothing on it ends after this; as long as one of HTTP/1.1. */
const IDLE = seconds(120);

/** Handles requests of either version. */
export type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** Which protocol is spoken with a client that offers these. Undefined ends the handshake (RFC 7301 section 3.2). */
export function chooseProtocol({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return [HTTP1, HTTP2].find((protocol) => protocols.includes(protocol));
}

/** Serves the connections of `server` whose handshake chose HTTP/2; the others it goes on to serve itself. */
export function serveHTTP2(
  server: Server,
  onRequest: OnRequest,
  onSession: (session: ServerHttp2Session) => void,
): void {
  const listeners = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === HTTP2) onSession(startSession(socket, onRequest));
    else for (const listener of listeners) listener.call(server, socket);
  });
}

function startSession(socket: TLSSocket, onRequest: OnRequest): ServerHttp2Session {
  const session = performServerHandshake(socket, {
    settings: { maxConcurrentStreams: STREAMS, maxHeaderListSize: HEADERS, enablePush: false },
    maxSessionMemory: SESSION_MEMORY,
  });
  let open = 0;
  // A watch to which nothing happens is no reason to end.
  session.setTimeout(IDLE, () => open === 0 && session.close());
  // What a client does wrong ends its own connection.
  session.on('error', () => session.destroy());
  session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags, rawHeaders: string[]) => {
    const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
    const response = responseOn(stream);
    open++;
    stream.once('close', () => open--);
    stream.on('error', () => stream.destroy());
    // Both are as those of HTTP/1.1 in all that the handler asks of them.
    onRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
  return session;
}

/** With what a response of HTTP/1.1 says of itself, and Node.js leaves out in HTTP/2. */
function responseOn(stream: ServerHttp2Stream): Http2ServerResponse {
  const isOver = { get: () => stream.destroyed };
  return Object.defineProperties(new Http2ServerResponse(stream), { destroyed: isOver, closed: isOver });
}

/** Whether a request came by HTTP/2. */
export function isHTTP2(request: IncomingMessage): boolean {
  return request.httpVersionMajor === 2;
}
