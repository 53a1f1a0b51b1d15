/** `exec`, `attach` and `portForward`: the client's protocol on one side, the runtime's on the other. */
import type { Duplex } from 'node:stream';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isLauncherPod } from '../../api/kubevirt/v1/launcher-pod.ts';
import { badRequest } from '../../api/status.ts';
import { chooseProtocol } from './channels.ts';
import { joinCommand, openCommand } from './command.ts';
import { findPod, findRunning, reach } from './find.ts';
import { serveGuestPorts } from './guest-ports.ts';
import type { StreamRequest } from './request.ts';
import { openRuntimeStream, passOn } from './runtime-stream.ts';
import type { ServerParts, UpgradeRequest } from './server.ts';
import { acceptWebSocket } from './websocket.ts';

/** The protocol of a WebSocket whose messages are the bytes of a SPDY session, and what is spoken on that. */
const TUNNELED = 'SPDY/3.1+portforward.k8s.io';
const PORT_FORWARD = 'portforward.k8s.io';
/** Two channels for each port that is named in advance: its data, and what went wrong. */
const CHANNELS = 'v4.channel.k8s.io';

type UpgradeAsked = Exclude<StreamRequest, { readonly kind: 'logs' }>;

/** Serves a stream. Throws an ApiError, a CRIError or a SpdyError until the client's protocol has been changed. */
export async function serveUpgrade(
  parts: ServerParts,
  upgrade: UpgradeRequest,
  asked: StreamRequest,
  signal: AbortSignal,
): Promise<void> {
  if (asked.kind === 'logs') throw badRequest('a log is read with an ordinary GET');
  const protocol = (upgrade.request.headers.upgrade ?? '').toLowerCase();
  if (protocol === 'spdy/3.1') return await serveSpdy(parts, upgrade, asked, signal);
  if (protocol !== 'websocket')
    throw badRequest(`${asked.kind} is spoken over WebSocket or SPDY/3.1, not ${protocol.slice(0, 32)}`);
  if (asked.kind === 'portForward') return await servePorts(parts, upgrade, asked, signal);

  const offered = upgrade.request.headers['sec-websocket-protocol'] ?? '';
  const version = chooseProtocol(offered);
  if (version === undefined) throw notSpoken(asked.kind, offered, 'v5.channel.k8s.io or v4.channel.k8s.io');
  const command = await openCommand(await runtimeURL(parts, asked), asked, signal);
  const client = await acceptWebSocket(upgrade, version);
  if (client === undefined) command.session.destroy();
  else await joinCommand(client, command, version, parts.clock);
}

/** Whoever answers a client that speaks SPDY/3.1. */
interface Answerer {
  /** Of what is spoken on the session's streams. */
  readonly version: string | undefined;
  /** Takes the client's connection. */
  serve(client: Duplex): void;
  /** Instead of `serve`, when there is no client any more. */
  abandon(): void;
}

/** The runtime, which understands the client by itself; for ports of a virtual machine we do. */
async function answerer(
  parts: ServerParts,
  asked: UpgradeAsked,
  versions: string | undefined,
  signal: AbortSignal,
): Promise<Answerer> {
  if (asked.kind === 'portForward') {
    const { pod } = findPod(parts.pods, asked.pod);
    if (isLauncherPod(pod)) return guestPorts(pod);
  }
  const { headers, socket } = await openRuntimeStream(await runtimeURL(parts, asked), versions, signal);
  return {
    version: headers['x-stream-protocol-version']?.toString(),
    serve: (client) => join(client, socket),
    abandon: () => socket.destroy(),
  };
}

function guestPorts({ status }: Pod): Answerer {
  const addresses = (status?.podIPs ?? []).map(({ ip }) => ip);
  return {
    version: PORT_FORWARD,
    serve: (client) => void serveGuestPorts(client, addresses),
    abandon: () => {},
  };
}

async function serveSpdy(
  parts: ServerParts,
  { request, socket, head }: UpgradeRequest,
  asked: UpgradeAsked,
  signal: AbortSignal,
): Promise<void> {
  // Several come as one text, as the runtime takes them too.
  const versions = request.headers['x-stream-protocol-version']?.toString();
  const { version, serve } = await answerer(parts, asked, versions, signal);
  const chosen = version === undefined ? '' : `X-Stream-Protocol-Version: ${version}\r\n`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${chosen}\r\n`);
  if (head.length > 0) socket.unshift(head);
  serve(socket);
}

/** Ports, over WebSocket. Clients that do not speak SPDY name the ports in advance; the runtime understands those by itself. */
async function servePorts(
  parts: ServerParts,
  upgrade: UpgradeRequest,
  asked: Extract<UpgradeAsked, { readonly kind: 'portForward' }>,
  signal: AbortSignal,
): Promise<void> {
  const offered = (upgrade.request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (offered.includes(TUNNELED)) return await serveTunneled(parts, upgrade, asked, signal);
  if (!offered.includes(CHANNELS)) throw notSpoken(asked.kind, offered.join(), `${TUNNELED} or ${CHANNELS}`);
  if (asked.ports.length === 0)
    throw badRequest(`${CHANNELS} needs the ports in advance: add ports=NUMBER to the query`);
  if (isLauncherPod(findPod(parts.pods, asked.pod).pod))
    throw notSpoken('the port of a virtual machine', CHANNELS, TUNNELED);
  const { 'sec-websocket-key': key = '', 'sec-websocket-version': version = '' } = upgrade.request.headers;
  const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': version };
  const runtime = await passOn(
    await runtimeURL(parts, asked),
    { ...headers, 'sec-websocket-key': key, 'sec-websocket-protocol': CHANNELS },
    signal,
  );
  const { socket, head } = upgrade;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${runtime.headers['sec-websocket-accept']}\r\nSec-WebSocket-Protocol: ${CHANNELS}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
  join(socket, runtime.socket);
}

/** The bytes of the client's session come in a WebSocket's messages: how kubectl forwards ports since 1.31. */
async function serveTunneled(
  parts: ServerParts,
  upgrade: UpgradeRequest,
  asked: UpgradeAsked,
  signal: AbortSignal,
): Promise<void> {
  const { serve, abandon } = await answerer(parts, asked, PORT_FORWARD, signal);
  const client = await acceptWebSocket(upgrade, TUNNELED);
  if (client === undefined) return abandon();
  const { createWebSocketStream } = await import('ws');
  serve(createWebSocketStream(client));
}

function notSpoken(kind: string, offered: string, wanted: string) {
  return badRequest(
    `${kind}: none of the WebSocket protocols ${JSON.stringify(offered.slice(0, 128))} is spoken; offer ${wanted}`,
  );
}

/** Where the runtime serves what is asked for. */
async function runtimeURL({ runtime, pods, nodeName }: ServerParts, asked: UpgradeAsked): Promise<string> {
  const cri = reach(runtime(), nodeName);
  if (asked.kind === 'portForward') {
    const { ref, pod } = findPod(pods, asked.pod);
    const sandbox = await pods.sandbox(ref);
    if (sandbox === undefined)
      throw badRequest(
        `unable to forward port because pod is not running. Current status=${pod.status?.phase ?? 'Unknown'}`,
      );
    return await cri.portForward(sandbox.id, asked.ports);
  }
  const { containerID } = await findRunning(pods, asked.pod, asked.container);
  const { stdin, stdout, stderr, tty } = asked;
  const options = { containerID, stdin, stdout, stderr, tty };
  return asked.kind === 'exec' ? await cri.exec({ ...options, command: asked.command }) : await cri.attach(options);
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
