/** One address and port, over UDP and TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { parseIP } from '../../lib/ip.ts';
import { frameMessage, MessageReader } from './framing.ts';
import type { Answer, Origin } from './resolver.ts';

export interface ListenAddress {
  readonly address: string;
  /** 0: any free port, the same for UDP and TCP. */
  readonly port: number;
}

export type Handle = (message: Uint8Array, origin: Origin) => Answer;

/** Why an address cannot be listened on. `code` is the name of the errno. */
export class ListenError extends Error {
  readonly code: string;

  constructor({ address, port }: ListenAddress, cause: unknown) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'UNKNOWN';
    super(`cannot serve DNS on ${address} port ${port}: ${REMEDIES[code] ?? code}`, { cause });
    this.name = 'ListenError';
    this.code = code;
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; end the other DNS server (see `ss -lunp`) or choose another address',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'not permitted; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE',
};

/** Free ports are handed out for UDP; the same one may be taken for TCP. */
const PORT_ATTEMPTS = 8;
const CONNECTION_LIMIT = 256;
/** The same for one client, so that none can use up what all share. */
const CLIENT_CONNECTION_LIMIT = 32;
const IDLE_TIMEOUT = seconds(10);
/** Questions of one connection that are answered at once; the rest of the stream waits. */
const PIPELINE_LIMIT = 16;

export interface Listener extends ListenAddress {
  close(): void;
}

/** Opens both sockets. Throws {@link ListenError}, and then holds none. */
export async function openListener(at: ListenAddress, handle: Handle, log: Logger): Promise<Listener> {
  const ended = new AbortController();
  for (let attempt = 1; ; attempt++) {
    const udp = await openUdp(at, handle, log, ended.signal);
    const { port } = udp.address();
    try {
      const tcp = await openTcp({ address: at.address, port }, handle, log);
      return { address: at.address, port, close: () => closeAll(ended, udp, tcp) };
    } catch (error) {
      udp.close();
      if (at.port !== 0 || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

function closeAll(ended: AbortController, udp: UdpSocket, { server, sockets }: TcpServer): void {
  ended.abort(); // An answer may be ready only after the socket has been closed.
  udp.close();
  server.close();
  for (const socket of sockets) socket.destroy();
}

async function openUdp(at: ListenAddress, handle: Handle, log: Logger, signal: AbortSignal): Promise<UdpSocket> {
  const v6 = at.address.includes(':');
  const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', ipv6Only: v6 });
  try {
    socket.bind({ address: at.address, port: at.port, exclusive: true });
    await once(socket, 'listening');
  } catch (cause) {
    socket.close();
    throw new ListenError(at, cause);
  }
  // An answer that cannot be delivered is lost, as any datagram may be.
  socket.on('error', (err) => log.debug({ err, address: at.address }, 'UDP error'));
  socket.on('message', (message, { address, port }) => {
    // Nobody can be answered at port 0; only a forged packet comes from there.
    if (port === 0) return;
    handleSafely(handle, message, { transport: 'udp', address: parseIP(address) }, log, (answer) => {
      if (answer !== undefined && !signal.aborted) socket.send(answer, port, address);
    });
  });
  return socket;
}

/** Whatever a message makes go wrong is one message's trouble, never the server's. */
function handleSafely(
  handle: Handle,
  message: Uint8Array,
  origin: Origin,
  log: Logger,
  done: (answer: Uint8Array | undefined) => void,
): void {
  const failed = (err: unknown): void => log.error({ err }, 'cannot answer a DNS query');
  try {
    const answer = handle(message, origin);
    if (answer instanceof Promise) answer.then(done).catch(failed);
    else done(answer);
  } catch (err) {
    failed(err);
  }
}

interface TcpServer {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

async function openTcp(at: ListenAddress, handle: Handle, log: Logger): Promise<TcpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (connectionsOf(socket.remoteAddress, sockets) >= CLIENT_CONNECTION_LIMIT) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveConnection(socket, handle, log);
  });
  server.maxConnections = CONNECTION_LIMIT;
  try {
    server.listen({ host: at.address, port: at.port, ipv6Only: at.address.includes(':'), exclusive: true });
    await once(server, 'listening');
  } catch (cause) {
    throw new ListenError(at, cause);
  }
  server.on('error', (err) => log.warn({ err, address: at.address }, 'TCP error'));
  return { server, sockets };
}

function connectionsOf(client: string | undefined, sockets: ReadonlySet<Socket>): number {
  let count = 0;
  for (const socket of sockets) if (socket.remoteAddress === client) count++;
  return count;
}

/** Answers in the order in which they are ready: RFC 7766 section 6.2.1.1. */
function serveConnection(socket: Socket, handle: Handle, log: Logger): void {
  const reader = new MessageReader();
  const origin: Origin = { transport: 'tcp', address: parseIP(socket.remoteAddress ?? '') };
  let pending = 0;
  const settle = (answer: Uint8Array | undefined): void => {
    pending--;
    if (socket.destroyed) return;
    if (answer === undefined) socket.destroy();
    else socket.write(frameMessage(answer));
    if (pending < PIPELINE_LIMIT) socket.resume();
  };
  socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy());
  socket.on('error', (err) => log.debug({ err }, 'a DNS client broke its connection'));
  socket.on('data', (chunk) => {
    for (const message of reader.push(chunk)) {
      pending++;
      if (pending >= PIPELINE_LIMIT) socket.pause();
      handleSafely(handle, message, origin, log, settle);
    }
  });
}
