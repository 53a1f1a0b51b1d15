/**
 * The API server listens on the machine's loopback, which nobody in a place can reach. This puts the same address and port
 * on each place's loopback and passes connections on to the server's unix socket, so that one kubeconfig serves everywhere. In the
 * LAN's own place it does so at that one's addresses too: pods have no loopback but their own.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { libcSocket } from '../host/libc-socket.ts';
import type { Logger } from '../host/log.ts';
import type { IPAddress } from '../lib/ip.ts';
import type { SocketWanted } from './sockets-in.worker.ts';

export interface ApiRelayOptions {
  /** Where to listen; `pid` is a process in the place. */
  readonly at: readonly { readonly pid: number; readonly address: IPAddress }[];
  readonly port: number;
  readonly socketPath: string;
  readonly log: Logger;
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
    const server = createServer((near) => relay(near, options, signal));
    server.maxConnections = CONNECTION_LIMIT;
    await listen(server, fd);
    signal.addEventListener('abort', () => server.close(), { once: true });
  }
}

function relay(near: Socket, { socketPath, log }: ApiRelayOptions, signal: AbortSignal): void {
  const far = connect({ path: socketPath, signal });
  const end = (error?: Error): void => {
    if (error !== undefined) log.debug({ err: error }, 'a relayed connection to the API ended');
    near.destroy();
    far.destroy();
  };
  near.on('error', end).on('close', () => end());
  far.on('error', end).on('close', () => end());
  near.pipe(far);
  far.pipe(near);
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

function listen(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => {
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
