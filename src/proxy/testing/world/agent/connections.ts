/** TCP connections that an agent keeps open, to be asked again later: what becomes of them when rules change. */
import { connect, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';

interface Connection {
  readonly socket: Socket;
  readonly lines: Interface;
}

/** Connections by the names that they were opened under. */
export class Connections {
  readonly #open = new Map<string, Connection>();

  /** Connects, and answers with what the server says first. */
  open(name: string, host: string, port: number): Promise<string> {
    const socket = connect({ host, port });
    const lines = createInterface({ input: socket });
    // What the socket suffers, readline would throw again.
    lines.on('error', () => {});
    this.#open.set(name, { socket, lines });
    return next({ socket, lines });
  }

  /** Sends a line over an open connection, and answers with what comes back: the server repeats its greeting. */
  say(name: string): Promise<string> {
    const connection = this.#open.get(name);
    if (connection === undefined) return Promise.resolve('NO CONNECTION');
    const answer = next(connection);
    connection.socket.write('again\n');
    return answer;
  }

  close(name: string): string {
    this.#open.get(name)?.socket.destroy();
    this.#open.delete(name);
    return 'closed';
  }
}

/** How long an open connection may stay silent, in milliseconds. */
const PATIENCE = 3000;

function next({ socket, lines }: Connection): Promise<string> {
  return new Promise((resolve) => {
    const finish = (answer: string) => {
      clearTimeout(timer);
      lines.off('line', finish);
      socket.off('error', failed).off('close', closed);
      resolve(answer);
    };
    const failed = (error: NodeJS.ErrnoException) => finish(error.code ?? error.message);
    const closed = () => finish('CLOSED');
    const timer = setTimeout(() => finish('TIMEOUT'), PATIENCE);
    lines.once('line', finish);
    socket.once('error', failed).once('close', closed);
  });
}
