/** `exec`, `attach` and `portForward`: the client's protocol on one side, the runtime's on the other. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { badRequest, failure, internalError } from '../../api/status.ts';
import { seconds } from '../../lib/duration.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import { findPod, findRunning, reach } from './find.ts';
import type { StreamRequest } from './request.ts';
import type { ServerParts, UpgradeRequest } from './server.ts';

/** How long the runtime may take to change to its streaming protocol. */
const ANSWER_LIMIT = seconds(20);

/** Serves a stream until it is set up; it ends with its connection. Throws an ApiError, or a CRIError. */
export async function serveUpgrade(
  parts: ServerParts,
  { request, socket, head }: UpgradeRequest,
  asked: StreamRequest,
  signal: AbortSignal,
): Promise<void> {
  const url = await streamURL(parts, asked);
  const protocol = (request.headers.upgrade ?? '').toLowerCase();
  if (protocol !== 'spdy/3.1')
    throw badRequest(
      `${asked.kind}: the protocol ${protocol.slice(0, 32)} is not supported; use websocket or SPDY/3.1`,
    );
  const versions = request.headers['x-stream-protocol-version'];
  const { headers, socket: runtime } = await openRuntimeStream(url, versions, signal);
  const version = headers['x-stream-protocol-version'];
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${version === undefined ? '' : `X-Stream-Protocol-Version: ${version}\r\n`}\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
  join(socket, runtime);
}

/** Where the runtime serves what is asked for. */
async function streamURL({ runtime, pods, nodeName }: ServerParts, asked: StreamRequest): Promise<string> {
  const cri: ContainerRuntime = reach(runtime(), nodeName);
  switch (asked.kind) {
    case 'exec': {
      const { containerID } = await findRunning(pods, asked.pod, asked.container);
      return await cri.exec({ ...asked, containerID });
    }
    case 'attach': {
      const { containerID } = await findRunning(pods, asked.pod, asked.container);
      return await cri.attach({ ...asked, containerID });
    }
    case 'portForward': {
      const { ref, pod } = findPod(pods, asked.pod);
      const sandbox = await pods.sandbox(ref);
      if (sandbox === undefined) throw badRequest(`pod ${pod.metadata.name} is not running`);
      return await cri.portForward(sandbox.id, []);
    }
    case 'logs':
      throw failure(400, 'BadRequest', 'a log is no stream to write to');
  }
}

/** Changes a connection to the runtime's streaming server to SPDY/3.1. Throws an ApiError. */
export async function openRuntimeStream(
  url: string,
  versions: string | string[] | undefined,
  signal: AbortSignal,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly socket: Duplex }> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method: 'POST',
      agent: false,
      signal,
      headers: {
        connection: 'Upgrade',
        upgrade: 'SPDY/3.1',
        ...(versions === undefined ? {} : { 'x-stream-protocol-version': versions }),
      },
    });
    request.setTimeout(ANSWER_LIMIT, () => request.destroy(new Error(`no answer within ${ANSWER_LIMIT / 1000} s`)));
    request.once('error', (cause) =>
      reject(internalError(`the container runtime's streaming server: ${cause.message}`)),
    );
    request.once('response', (response) => {
      response.destroy();
      reject(internalError(`the container runtime's streaming server answered ${response.statusCode}`));
    });
    request.once('upgrade', ({ headers }, socket, head) => {
      request.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve({ headers, socket });
    });
    request.end();
  });
}

/** Passes on what either says until one of them has gone. Neither is read faster than the other takes it. */
function join(client: Duplex, runtime: Duplex): void {
  const end = () => {
    client.destroy();
    runtime.destroy();
  };
  for (const side of [client, runtime]) side.on('error', end).once('close', end);
  if (client.destroyed || runtime.destroyed) end();
  client.pipe(runtime).pipe(client);
}
