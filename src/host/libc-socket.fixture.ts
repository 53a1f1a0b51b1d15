/** A thread that opens two sockets, hands one over, says which they are, and fails. */
import { parentPort } from 'node:worker_threads';
import { libcSocket } from './libc-socket.ts';
import { routeSocket } from './rtnetlink.ts';

const libc = await libcSocket();
const [kept, handedOver] = [routeSocket(libc), routeSocket(libc)];
libc.handOver(handedOver);
parentPort?.once('message', () => {
  throw new Error('as it was told to');
});
parentPort?.postMessage([kept, handedOver]);
