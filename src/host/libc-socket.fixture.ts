/** A thread that opens a socket, says which, and fails. */
import { parentPort } from 'node:worker_threads';
import { libcSocket } from './libc-socket.ts';
import { routeSocket } from './rtnetlink.ts';

const fd = routeSocket(await libcSocket());
parentPort?.once('message', () => {
  throw new Error('as it was told to');
});
parentPort?.postMessage(fd);
