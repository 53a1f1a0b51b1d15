// A process in a namespace that a fixture drives: serves its name on some ports, and connects where it is told to.
// One JSON command a line comes in, one JSON answer a line goes out.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** What an agent can be asked: the answer is what the server said, or the error's code. */
export interface Command {
  readonly kind: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  /** Source port; for UDP, the same flow again. */
  readonly localPort?: number;
}

/** How long an unanswered request waits, in milliseconds. */
const PATIENCE = 1000;

/** `NAME ADDRESS`: who answered, and whom it saw. */
function serve(name: string, port: number): void {
  createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${name} ${plain(socket.remoteAddress)}`);
  }).listen(port, '::');
  const udp = createSocket({ type: 'udp6', ipv6Only: false });
  udp.on('message', (_, from) => udp.send(`${name} ${plain(from.address)}`, from.port, from.address));
  udp.bind(port, '::');
}

const plain = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '');

function overTCP({ host, port }: Command): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port, timeout: PATIENCE });
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function overUDP({ host, port, localPort = 0 }: Command): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('TIMEOUT'), PATIENCE);
    socket.on('message', (message) => finish(message.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    // A connected socket hears of ICMP errors.
    socket.bind(localPort, () => socket.connect(port, host, () => socket.send('who')));
  });
}

/** Carries out one command. */
export const request = (command: Command): Promise<string> =>
  command.kind === 'tcp' ? overTCP(command) : overUDP(command);

if (import.meta.main) {
  const [name = '', ...ports] = process.argv.slice(2);
  for (const port of ports) serve(name, Number(port));
  process.stdout.write('"ready"\n');
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await request(JSON.parse(line)))}\n`);
  }
  process.exit(0);
}
