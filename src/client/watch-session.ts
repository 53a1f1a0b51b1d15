/**
 * One connection of HTTP/2 for all watches that a client has at a server: a dozen of them weigh hardly more than one, at both
 * ends, and cost one handshake. https://www.rfc-editor.org/rfc/rfc9113
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { isIPv6 } from 'node:net';
import { connect as connectTLS, type TLSSocket } from 'node:tls';
import { seconds } from '../lib/duration.ts';
import type { connectionOptions } from './connection-options.ts';

const PROTOCOL = 'h2';
/** TCP keep-alive: how watches notice a server that vanished, where there is no other to go to. */
const KEEP_ALIVE = seconds(15);
/** Bytes that the server may send ahead of who reads a watch, and of all watches together. */
const [WINDOW, SESSION_WINDOW] = [2 ** 20, 8 * 2 ** 20];
/** What Node.js may hold for the connection, in megabytes: more than the windows. */
const MEMORY = 64;

/** The server, or what stands before it, does not speak HTTP/2. */
export class NoHTTP2Error extends Error {
  constructor(options?: { cause?: unknown }) {
    super('the server does not speak HTTP/2', options);
    this.name = 'NoHTTP2Error';
  }
}

/** The head of an answer; iterating reads its body. */
export interface Answer extends AsyncIterable<Buffer> {
  readonly statusCode?: number | undefined;
}

export interface WatchRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly signal?: AbortSignal | undefined;
}

export class WatchSession {
  readonly #session: ClientHttp2Session;
  readonly #ready: Promise<void>;

  /** Begins to connect. `limit` is how long that may take, in milliseconds; undefined: as long as it does. */
  constructor(to: ReturnType<typeof connectionOptions>, limit: number | undefined) {
    const socket = connectTLS({
      ...to,
      ...('socketPath' in to ? { path: to.socketPath } : {}),
      ALPNProtocols: [PROTOCOL],
    });
    socket.setKeepAlive(true, KEEP_ALIVE);
    socket.setNoDelay(true);
    this.#session = connect(`https://${isIPv6(to.host) ? `[${to.host}]` : to.host}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: WINDOW },
      maxSessionMemory: MEMORY,
    });
    // Each stream is told, which is how whoever waits for it learns of it.
    this.#session.on('error', () => {});
    this.#ready = ready(this.#session, socket, limit);
    this.#ready.catch((error: Error) => this.destroy(error));
  }

  /** Whether another watch can be opened on it. */
  get isUsable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Resolves once the connection stands. Rejects with {@link NoHTTP2Error} where another protocol is spoken. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Asks for a watch on a connection that stands; resolves with the answer's head. `closed` is called when it is over. */
  open({ path, headers, signal }: WatchRequest, closed: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { host, ...others } = headers;
      const stream = this.#session.request(
        { ':path': path, ...(host === undefined ? {} : { ':authority': String(host) }), ...others },
        { endStream: true, ...(signal === undefined ? {} : { signal }) },
      );
      stream.once('response', ({ ':status': statusCode }) => resolve(answerOf(stream, statusCode)));
      stream.once('error', reject);
      stream.once('close', () => {
        closed();
        // Before it was answered: for whoever has the answer the stream has come to its end by now.
        reject(new Error(`the server ended the watch before it answered (${stream.rstCode})`));
      });
    });
  }

  /** Ends the connection; the watches on it fail with `cause`. */
  destroy(cause?: Error): void {
    this.#session.destroy(cause, constants.NGHTTP2_CANCEL);
  }
}

/** The stream, read through an iterator: a server that ends a watch in the middle is an error of whoever reads it. */
function answerOf(stream: ClientHttp2Stream, statusCode: number | undefined): Answer {
  return { statusCode, [Symbol.asyncIterator]: () => chunks(stream) };
}

async function* chunks(stream: ClientHttp2Stream): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of stream) yield chunk as Buffer;
  if (stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR) {
    throw new Error(`the server broke off (${stream.rstCode})`);
  }
}

function ready(session: ClientHttp2Session, socket: TLSSocket, limit: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no connection within ${limit} ms`));
    const timer = limit === undefined ? undefined : setTimeout(late, limit);
    const settled = () => clearTimeout(timer);
    socket.once('secureConnect', () => {
      settled();
      if (socket.alpnProtocol !== PROTOCOL) return reject(new NoHTTP2Error());
      session.setLocalWindowSize(SESSION_WINDOW);
      resolve();
    });
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      settled();
      reject(isRefusal(cause) ? new NoHTTP2Error({ cause }) : cause);
    });
    session.once('close', () => {
      settled();
      reject(new Error('the connection was closed'));
    });
  });
}

/** The alert no_application_protocol: RFC 7301 section 3.2. */
function isRefusal({ code }: NodeJS.ErrnoException): boolean {
  return (
    code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' || code === 'ERR_SSL_SSL/TLS_ALERT_NO_APPLICATION_PROTOCOL'
  );
}
