/**
 * The machine's loopback is out of reach from a place, and the LAN is from the machine. This puts one address and port on the
 * loopback of each, and passes connections on to the unix socket of a server that answers, so that one kubeconfig serves everywhere.
 * For a server beside the lab it does so at the router's addresses too: pods have no loopback but their own.
 */
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { libcSocket } from '../host/libc-socket.ts';
import type { Logger } from '../host/log.ts';
import type { IPAddress } from '../lib/ip.ts';
import type { SocketWanted } from './sockets-in.worker.ts';

/** Where connections lead. */
export interface RelayTarget {
  /** Those of all servers: each is tried until one answers. */
  readonly socketPaths: readonly string[];
  readonly log: Logger;
}

export interface ApiRelayOptions extends RelayTarget {
  /** Where to listen; `pid` is a process in the place. */
  readonly at: readonly { readonly pid: number; readonly address: IPAddress }[];
  readonly port: number;
}

/** sys/socket.h */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
/** Connections that a place may have open at once. */
const CONNECTION_LIMIT = 256;

/** Listens in every place until the signal is aborted. */
export async function openApiRelay(options: ApiRelayOptions, signal: AbortSignal): Promise<void> {
  const libc = await libcSocket();
  const fds = await socketsIn(options.at.map(({ pid, address: { family } }) => ({ pid, family })));
  for (const [i, { address }] of options.at.entries()) {
    const fd = fds[i];
    if (fd === undefined) throw new Error('there are fewer sockets than were asked for');
    libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Uint8Array(Uint32Array.of(1).buffer));
    libc.bind(fd, socketAddress(address, options.port));
    await listen(relayServer(options, signal), { fd });
  }
}

/** Listens on this process's own loopback until the signal is aborted; resolves to the port. */
export async function openLoopbackRelay(target: RelayTarget, signal: AbortSignal): Promise<number> {
  const server = relayServer(target, signal);
  await listen(server, { host: '127.0.0.1', port: 0 });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening socket has a port');
  return address.port;
}

function relayServer(target: RelayTarget, signal: AbortSignal): Server {
  const server = createServer((near) => void relay(near, target, signal));
  server.maxConnections = CONNECTION_LIMIT;
  signal.addEventListener('abort', () => server.close(), { once: true });
  return server;
}

async function relay(near: Socket, { socketPaths, log }: RelayTarget, signal: AbortSignal): Promise<void> {
  let far: Socket | undefined;
  const end = (error?: Error): void => {
    if (error !== undefined) log.debug({ err: error }, 'a relayed connection to the API ended');
    near.destroy();
    far?.destroy();
  };
  near.on('error', end).on('close', () => end());
  far = await firstThatAnswers(socketPaths, signal);
  if (far === undefined || near.destroyed) return end();
  far.on('error', end).on('close', () => end());
  near.pipe(far);
  far.pipe(near);
}

async function firstThatAnswers(socketPaths: readonly string[], signal: AbortSignal): Promise<Socket | undefined> {
  for (const path of socketPaths) {
    const socket = connect({ path, signal });
    const answers = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (answers) return socket;
    socket.destroy();
  }
  return undefined;
}

/** A struct sockaddr_in or sockaddr_in6: the family in the machine's order, port and address in the network's. */
function socketAddress({ family, value }: IPAddress, port: number): Uint8Array {
  const [number, length, at] = family === 'IPv4' ? ([2, 16, 4] as const) : ([10, 28, 8] as const);
  const address = Buffer.alloc(length);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = number;
  address.writeUInt16BE(port, 2);
  const bytes = family === 'IPv4' ? 4 : 16;
  address.write(value.toString(16).padStart(bytes * 2, '0'), at, 'hex');
  return address;
}

function listen(server: Server, where: ListenOptions & { readonly fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function socketsIn(wanted: readonly SocketWanted[]): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./sockets-in.worker.ts', import.meta.url), { workerData: wanted });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
