/**
 * Somebody in a network namespace, for tests: `node speaker.ts NAME PORT...` serves TCP and UDP at the ports, and tells whoever
 * asks its name and the address that it sees. Connects to others when it is told to, a JSON text per line.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Question } from './places.ts';

const [, , name = '', ...ports] = process.argv;
const PATIENCE_MS = 1000;

/** How a socket of both families calls an IPv4 address. */
const plain = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '');

await Promise.all(
  ports.map(Number).flatMap((port) => [
    new Promise<void>((resolve) => {
      createServer((socket) => {
        socket.on('error', () => {}).end(`${name} saw ${plain(socket.remoteAddress)}`);
      }).listen({ port, host: '::' }, resolve);
    }),
    new Promise<void>((resolve) => {
      const socket = createSocket('udp6');
      socket.on('message', (_, from) => socket.send(`${name} saw ${plain(from.address)}`, from.port, from.address));
      socket.bind(port, '::', resolve);
    }),
  ]),
);

function ask({ protocol, host, port, from }: Question): Promise<string> {
  return protocol === 'tcp' ? askTCP(host, port) : askUDP(host, port, from);
}

function askTCP(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port, timeout: PATIENCE_MS });
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', ({ message }) => resolve(/ECONNREFUSED/.test(message) ? 'refused' : message));
    socket.on('timeout', () => {
      socket.destroy();
      resolve('silence');
    });
  });
}

/** `from`: its own port, the same for each datagram of a flow. */
function askUDP(host: string, port: number, from = 0): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => done('silence'), PATIENCE_MS);
    const done = (text: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    socket.on('error', ({ message }) => done(/ECONNREFUSED/.test(message) ? 'refused' : message));
    socket.on('message', (text) => done(text.toString()));
    socket.bind(from, () => socket.connect(port, host, () => socket.send('?')));
  });
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const question = JSON.parse(line) as Question & { readonly id: number };
    void ask(question).then((answer) => process.stdout.write(`${JSON.stringify({ id: question.id, answer })}\n`));
  })
  .on('close', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ id: 0, answer: 'ready' })}\n`);
