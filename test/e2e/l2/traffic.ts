/**
 * A client's requests, as a program at its place. Argument: a list of {@link Target}, in JSON. Prints a {@link Line} per
 * request, once it is answered or given up. Ends with its standard input, when nothing is outstanding any more.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createConnection, isIPv6, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface Target {
  /**
   * How it is asked: by datagrams of one socket, by a new connection each time, or over one connection that is only made
   * anew when it breaks.
   */
  readonly by: 'datagrams' | 'connections' | 'one-connection';
  readonly address: string;
  readonly port: number;
  /** Milliseconds between requests, whatever became of the one before. */
  readonly every: number;
}

/** Index of the target; when it was sent and when answered (null: not), milliseconds of {@link now}; who answered, or what went wrong. */
export type Line = readonly [target: number, sent: number, answered: number | null, word: string];

/**
 * Milliseconds after which a request is lost: less than the second after which a SYN is sent again (RFC 6298), so that a
 * packet that was lost counts although TCP would mend it.
 */
const PATIENCE = 900;

/** Milliseconds of a clock that all processes of the machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** One target's requests. */
interface Asker {
  ask(): void;
  readonly outstanding: number;
}

/** Requests on their way, told apart by their number. */
class Outstanding {
  readonly #target: number;
  readonly #sent = new Map<number, { readonly at: number; readonly timer: NodeJS.Timeout }>();
  #number = 0;

  constructor(target: number) {
    this.#target = target;
  }

  get size(): number {
    return this.#sent.size;
  }

  begin(): number {
    const number = ++this.#number;
    const timer = setTimeout(() => this.end(number, null, 'no answer'), PATIENCE);
    this.#sent.set(number, { at: now(), timer });
    return number;
  }

  end(number: number, answered: number | null, word: string): void {
    const request = this.#sent.get(number);
    if (request === undefined) return;
    clearTimeout(request.timer);
    this.#sent.delete(number);
    console.log(JSON.stringify([this.#target, request.at, answered, word] satisfies Line));
  }

  /** `NAME NUMBER`. */
  answered(answer: string): void {
    const [name = '', number] = answer.split(' ');
    this.end(Number(number), now(), name);
  }

  failed(word: string): void {
    for (const number of [...this.#sent.keys()]) this.end(number, null, word);
  }
}

function byDatagrams(outstanding: Outstanding, { address, port }: Target): Asker {
  const socket: DatagramSocket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', (message) => outstanding.answered(String(message)));
  // What a router or a host says of an earlier datagram; that one is given up in time.
  socket.on('error', () => {});
  return {
    ask() {
      const number = outstanding.begin();
      socket.send(String(number), port, address, (error) => {
        if (error) outstanding.end(number, null, error.message);
      });
    },
    get outstanding() {
      return outstanding.size;
    },
  };
}

function connect(outstanding: Outstanding, { address, port }: Target, failed: (word: string) => void): Socket {
  const socket = createConnection({ host: address, port, noDelay: true });
  socket.on('error', (error) => failed(error.message));
  socket.on('close', () => failed('closed'));
  createInterface({ input: socket })
    .on('line', (line) => outstanding.answered(line))
    .on('error', () => {}); // The socket's own, which is handled above.
  return socket;
}

function byConnections(outstanding: Outstanding, target: Target): Asker {
  return {
    ask() {
      const number = outstanding.begin();
      const socket = connect(outstanding, target, (word) => outstanding.end(number, null, word));
      socket.once('data', () => socket.end());
      socket.setTimeout(PATIENCE, () => socket.destroy());
      socket.write(`${number}\n`);
    },
    get outstanding() {
      return outstanding.size;
    },
  };
}

function byOneConnection(outstanding: Outstanding, target: Target): Asker {
  let socket: Socket | undefined;
  return {
    ask() {
      if (socket === undefined || socket.destroyed) {
        const made: Socket = connect(outstanding, target, (word) => {
          if (socket !== made) return;
          outstanding.failed(word);
          socket = undefined;
        });
        socket = made;
      }
      socket.write(`${outstanding.begin()}\n`);
    },
    get outstanding() {
      return outstanding.size;
    },
  };
}

const ASKERS = { datagrams: byDatagrams, connections: byConnections, 'one-connection': byOneConnection } as const;

function run(targets: readonly Target[]): void {
  const ended = new AbortController();
  const askers = targets.map((target, i) => {
    const asker = ASKERS[target.by](new Outstanding(i), target);
    const started = now();
    let asked = 0;
    const next = (): void => {
      if (ended.signal.aborted) return;
      asker.ask();
      asked++;
      setTimeout(next, Math.max(0, started + asked * target.every - now()));
    };
    next();
    return asker;
  });
  process.stdin.resume().once('end', () => {
    ended.abort();
    setInterval(() => {
      if (askers.every(({ outstanding }) => outstanding === 0)) process.exit(0);
    }, 10);
  });
}

if (import.meta.main) run(JSON.parse(process.argv[2] ?? '[]') as Target[]);
