/**
 * An endpoint of Services on a node's own network, as a program at that place: over TCP and UDP, each line or datagram is
 * answered by `NAME LINE`. Arguments: the port, and the name, by default the place's. Prints `ready`.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';

const port = Number(process.argv[2]);
const name = process.argv[3] ?? hostname();

function serve(socket: Socket): void {
  // A client that goes away in the middle of an answer is its own affair.
  socket.on('error', () => socket.destroy());
  createInterface({ input: socket })
    .on('line', (line) => socket.write(`${name} ${line}\n`))
    .on('error', () => {});
}

const datagrams = createSocket({ type: 'udp6' });
datagrams.on('message', (message, from) => datagrams.send(`${name} ${message}`, from.port, from.address));
datagrams.bind(port, '::');
const connections = createServer(serve).listen(port, '::');
await Promise.all([once(datagrams, 'listening'), once(connections, 'listening')]);
console.log('ready');
