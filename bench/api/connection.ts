/**
 * A client that costs next to nothing: one TLS connection that sends ready-made HTTP/1.1 requests one after the other.
 * A general client would share two cores with the server that it measures, and take most of them.
 */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../../src/client/client.ts';

export interface Answer {
  readonly code: number;
  readonly body: string;
}

const HEADERS_END = '\r\n\r\n';

export class Connection {
  readonly #socket: TLSSocket;
  readonly #host: string;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | undefined;

  private constructor(socket: TLSSocket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')));
  }

  static async open({ server, caData, clientCertificate, clientKey }: Endpoint): Promise<Connection> {
    const { hostname, port, host } = new URL(server);
    const socket = connect({ host: hostname, port: Number(port), ca: caData, cert: clientCertificate, key: clientKey });
    await once(socket, 'secureConnect');
    socket.setNoDelay(true);
    return new Connection(socket, host);
  }

  /** Sends one request; the next may follow once this has its answer. */
  request(method: string, path: string, body: object): Promise<Answer> {
    const text = JSON.stringify(body);
    const head = `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n`;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(head + text);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(HEADERS_END);
    if (end < 0) return;
    const head = this.#received.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
    const whole = end + HEADERS_END.length + length;
    if (!(this.#received.length >= whole)) return;
    const body = this.#received.toString('utf8', end + HEADERS_END.length, whole);
    this.#received = this.#received.subarray(whole);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ code: Number(head.slice(9, 12)), body });
  }
}
