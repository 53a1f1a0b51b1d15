/**
 * Somebody in a network namespace, for tests: `node speaker.ts NAME PORT...` serves TCP and UDP at the ports, and tells whoever
 * asks its name and the address that it sees. Connects to others when it is told to, a JSON text per line.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Question } from './places.ts';

const [, , name = '', ...ports] = process.argv;
const PATIENCE_MS = 1000;
/** What many bytes are made of, and the last of them. */
const BULK = 0;
const END = 1;

/** How a socket of both families calls an IPv4 address. */
const plain = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '');

await Promise.all(
  ports.map(Number).flatMap((port) => [
    new Promise<void>((resolve) => {
      createServer((socket) => {
        const tell = () => socket.write(`${name} saw ${plain(socket.remoteAddress)}`);
        let received = 0;
        let isBulk = false;
        socket
          .on('error', () => {})
          .on('data', (data: Buffer) => {
            isBulk ||= data[0] === BULK;
            received += data.length;
            // Many bytes are answered with as many.
            if (!isBulk) tell();
            else if (data.at(-1) === END) socket.end(Buffer.alloc(received - 1, BULK));
          });
        tell();
      }).listen({ port, host: '::' }, resolve);
    }),
    new Promise<void>((resolve) => {
      const socket = createSocket('udp6');
      socket.on('message', (_, from) => socket.send(`${name} saw ${plain(from.address)}`, from.port, from.address));
      socket.bind(port, '::', resolve);
    }),
  ]),
);

/** Connections that are kept, by their names. */
const held = new Map<string, Socket>();

function ask({ protocol, host, port, from, keep, bulk }: Question): Promise<string> {
  if (protocol === 'udp') return askUDP(host, port, from);
  if (bulk !== undefined) return askMuch(host, port, bulk);
  const kept = keep === undefined ? undefined : held.get(keep);
  if (kept !== undefined) {
    kept.write('?');
    return answerOf(kept);
  }
  const socket = connect({ host, port });
  if (keep !== undefined) held.set(keep, socket);
  return answerOf(socket).finally(() => {
    if (keep === undefined) socket.destroy();
  });
}

function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const done = (answer: string) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      resolve(answer);
    };
    const timer = setTimeout(() => done('silence'), PATIENCE_MS);
    socket.on('data', (text: Buffer) => done(text.toString()));
    socket.on('end', () => done('the end'));
    socket.on('error', ({ message }) => done(/ECONNREFUSED/.test(message) ? 'refused' : message));
  });
}

function askMuch(host: string, port: number, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let received = 0;
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(String(received));
    };
    const timer = setTimeout(done, 5 * PATIENCE_MS);
    socket.on('data', (data: Buffer) => {
      received += data.filter((byte) => byte === BULK).length;
    });
    socket.on('end', done).on('error', done);
    socket.write(Buffer.alloc(bytes, BULK));
    socket.write(Buffer.of(END));
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
