/**
 * A request to speak another protocol on its connection (RFC 9110 section 7.8). It is answered as any other until it is
 * accepted; then the connection belongs to whoever accepted it.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { NODE_STREAM_PROTOCOL } from '../../api/node-streams.ts';
import { route } from './route.ts';

/** Protocols that are spoken by streams of pods, and by agents. */
const PROTOCOLS = new Set(['websocket', 'spdy/3.1', NODE_STREAM_PROTOCOL]);

/** Whether a request may leave HTTP. All others are answered as if they had not asked: `Upgrade: h2c` is only an offer. */
export function mayUpgrade({ method = '', url = '', headers }: IncomingMessage): boolean {
  if (!PROTOCOLS.has((headers.upgrade ?? '').toLowerCase())) return false;
  const [path = ''] = url.split('?', 1);
  try {
    const { kind } = route(method, path, new URLSearchParams());
    return kind === 'stream' || kind === 'tunnel';
  } catch {
    // The answer says what is wrong with the path.
    return false;
  }
}

export class Upgrade {
  /** What is asked for, in lower case: `websocket`, `spdy/3.1`. */
  readonly protocol: string;
  /** For the answer, when it is not accepted. */
  readonly response: ServerResponse;
  readonly #socket: Socket;
  readonly #head: Buffer;
  #accepted = false;

  constructor(request: IncomingMessage, socket: Duplex, head: Buffer) {
    this.protocol = (request.headers.upgrade ?? '').toLowerCase();
    this.response = new ServerResponse(request);
    // Nothing that follows on the connection is ours to understand.
    this.response.shouldKeepAlive = false;
    // The server's own connection: what Node's types do not say, its server does.
    this.#socket = socket as Socket;
    this.response.assignSocket(this.#socket);
    this.response.once('finish', () => this.#socket.destroySoon());
    this.#head = head;
  }

  /** Ends the connection, whoever has it. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    });
  }

  /** Whether the connection has left HTTP. */
  get accepted(): boolean {
    return this.#accepted;
  }

  /** Answers 101 with these headers; the connection, with what has come on it, is the caller's. */
  accept(headers: Readonly<Record<string, string | readonly string[]>>): Duplex {
    const lines = Object.entries(headers).flatMap(([name, values]) =>
      (typeof values === 'string' ? [values] : values).map((value) => `${name}: ${value}\r\n`),
    );
    this.#accepted = true;
    // For the count of answers; the line below is what is sent.
    this.response.statusCode = 101;
    this.response.detachSocket(this.#socket);
    this.#socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${lines.join('')}\r\n`);
    if (this.#head.length > 0) this.#socket.unshift(this.#head);
    return this.#socket;
  }
}
