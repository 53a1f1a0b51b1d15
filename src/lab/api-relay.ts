/**
 * The API server listens on the machine's loopback, which nobody in a place can reach. This puts the same address and port
 * on each place's loopback and passes connections on to the server's unix socket, so that one kubeconfig serves everywhere.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { libcSocket } from '../host/libc-socket.ts';
import type { Logger } from '../host/log.ts';

export interface ApiRelayOptions {
  /** A process in each place. */
  readonly pids: readonly number[];
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
  for (const fd of await socketsIn(options.pids)) {
    libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Uint8Array(Uint32Array.of(1).buffer));
    libc.bind(fd, loopbackAddress(options.port));
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

/** A struct sockaddr_in: family in the machine's order, port and 127.0.0.1 in the network's. */
function loopbackAddress(port: number): Uint8Array {
  const AF_INET = 2;
  const address = Buffer.alloc(16);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_INET;
  address.writeUInt16BE(port, 2);
  address.set([127, 0, 0, 1], 4);
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

function socketsIn(pids: readonly number[]): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./sockets-in.worker.ts', import.meta.url), { workerData: pids });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
