/** The runtime's own streaming server: commands and ports of containers, over SPDY/3.1. */
import { type ClientRequestArgs, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { internalError } from '../../api/status.ts';
import { connectHeard } from '../../host/heard-socket.ts';
import { seconds } from '../../lib/duration.ts';

/** How long the runtime may take to change protocols. */
const ANSWER_LIMIT = seconds(20);

/** Most headers that matter when a client's request is passed on as it is. */
export type UpgradeHeaders = Readonly<Record<string, string>>;

/** Changes a connection to a URL that the runtime gave, in the client's own words. Throws an ApiError. */
export async function passOn(
  url: string,
  headers: UpgradeHeaders,
  signal: AbortSignal,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly socket: Duplex }> {
  return await change(url, 'GET', headers, signal);
}

/**
 * Changes a connection to a URL that the runtime gave to SPDY/3.1; `versions` of what is spoken on its streams are offered, and the answer's
 * header X-Stream-Protocol-Version says which it is. Throws an ApiError.
 */
export async function openRuntimeStream(
  url: string,
  versions: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly socket: Duplex }> {
  const offered = versions === undefined ? {} : { 'x-stream-protocol-version': versions };
  return await change(url, 'POST', { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...offered }, signal);
}

/** A runtime closes when a command has ended, also while it is given input: what it said of the end counts. */
function connect({ host, port }: ClientRequestArgs): Duplex {
  return connectHeard({ host: host ?? 'localhost', port: Number(port) });
}

function change(
  url: string,
  method: 'GET' | 'POST',
  headers: UpgradeHeaders,
  signal: AbortSignal,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly socket: Duplex }> {
  return new Promise((resolve, reject) => {
    const failed = (why: string) => reject(internalError(`the container runtime's streaming server ${why}`));
    const request = httpRequest(url, { method, createConnection: connect, signal, headers });
    request.setTimeout(ANSWER_LIMIT, () => request.destroy(new Error(`within ${ANSWER_LIMIT / 1000} s`)));
    request.once('error', (cause) => failed(`did not answer: ${cause.message}`));
    request.once('response', (response) => {
      response.destroy();
      failed(`answered ${response.statusCode}`);
    });
    request.once('upgrade', ({ headers: answered }, socket, head) => {
      request.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve({ headers: answered, socket });
    });
    request.end();
  });
}
