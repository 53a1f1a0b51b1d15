/**
 * One connection of HTTP/2 for all that a client asks of a server, requests and watches: a dozen of them weigh hardly more than
 * one, at both ends, and cost one handshake. https://www.rfc-editor.org/rfc/rfc9113
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { isIPv6 } from 'node:net';
import { connect as connectTLS, type TLSSocket } from 'node:tls';
import { NoHTTP2Error, NotConnectedError, StaleConnectionError } from './connection-errors.ts';
import { type connectionOptions, IDLE_LIMIT, KEEP_ALIVE, REQUEST_TIMEOUT } from './connection-options.ts';
import type { RequestParts } from './request-parts.ts';

const PROTOCOL = 'h2';
/** Bytes that the server may send ahead of who reads an answer, and of all answers together. */
const [WINDOW, SESSION_WINDOW] = [2 ** 20, 8 * 2 ** 20];
/** What Node.js may hold for the connection, in megabytes: more than the windows. */
const MEMORY = 64;
/** Streams at a time, where the server allows as many: section 6.5.2 says that none should allow less. */
const STREAMS = 100;
/** Of them, those that watches leave to requests. */
const FOR_REQUESTS = 20;

/** The head of an answer; iterating reads its body. */
export interface Answer extends AsyncIterable<Buffer> {
  readonly statusCode?: number | undefined;
}

export class Session {
  readonly #session: ClientHttp2Session;
  readonly #ready: Promise<void>;
  readonly #streams = new Map<ClientHttp2Stream, RequestParts>();
  /** With those that are about to be opened. */
  #count = 0;
  #isReady = false;

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
    this.#session.setTimeout(IDLE_LIMIT, () => this.#count === 0 && this.#session.close());
    this.#ready = ready(this.#session, socket, limit).then(() => {
      this.#isReady = true;
    });
    this.#ready.catch((error: Error) => this.destroy(error));
  }

  /** Whether the connection has ended. */
  get isOver(): boolean {
    return this.#session.destroyed;
  }

  /**
   * Whether one more can be asked now: watches leave some room to what is answered soon. One that the server asked to leave goes on to
   * serve what there is on it, and closes after the last.
   */
  hasRoom(isWatch: boolean): boolean {
    return !this.#session.closed && this.#count < STREAMS - (isWatch ? FOR_REQUESTS : 0);
  }

  /** Resolves once the connection stands. Rejects with {@link NoHTTP2Error} where another protocol is spoken. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Somebody is about to ask: keeps the process from ending, and the connection open, until {@link leave}. */
  enter(): void {
    this.#count++;
    if (this.#count === 1) this.#session.ref();
  }

  leave(): void {
    this.#count--;
    // Nobody waits: the process may end without it.
    if (this.#count === 0) this.#session.unref();
  }

  /**
   * Asks on a connection that stands, which was entered; resolves with the answer's head. `closed` is called once, when all is over and
   * it has been left.
   */
  open(request: RequestParts, closed: () => void): Promise<Answer> {
    const over = () => {
      this.leave();
      closed();
    };
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream;
      try {
        stream = this.#request(request);
      } catch (error) {
        // The connection has ended since it was chosen.
        over();
        reject(new NotConnectedError(error));
        return;
      }
      this.#streams.set(stream, request);
      stream.once('response', ({ ':status': statusCode }) => resolve(answerOf(stream, statusCode)));
      stream.once('error', (error) => reject(failureOf(stream, error)));
      stream.once('close', () => {
        this.#streams.delete(stream);
        over();
        // Before it was answered: for whoever has the answer the stream has come to its end by now.
        reject(failureOf(stream, new Error(`the server broke off before it answered (${stream.rstCode})`)));
      });
      if (request.payload !== undefined) stream.end(request.payload);
    });
  }

  #request({ method, path, headers, payload, watch, signal }: RequestParts): ClientHttp2Stream {
    const { host, ...others } = headers;
    const stream = this.#session.request(
      { ':method': method, ':path': path, ...(host === undefined ? {} : { ':authority': String(host) }), ...others },
      { endStream: payload === undefined, ...(signal === undefined ? {} : { signal }) },
    );
    if (!watch) {
      const late = () => stream.destroy(new Error(`no answer within ${REQUEST_TIMEOUT / 1000} s`));
      stream.setTimeout(REQUEST_TIMEOUT, late);
    }
    return stream;
  }

  /** Ends what only reads, with `cause`; all of it where nothing was asked yet. */
  endReads(cause: Error): void {
    if (!this.#isReady) this.destroy(cause);
    for (const [stream, { method }] of this.#streams) if (method === 'GET') stream.destroy(cause);
  }

  /** Ends the connection; what is under way on it fails with `cause`. */
  destroy(cause?: Error): void {
    this.#session.destroy(cause, constants.NGHTTP2_CANCEL);
  }
}

/**
 * What it means that a request was not answered. One that came to the server after that had begun to end the connection was not looked at, as
 * both sides know: section 8.7.
 */
function failureOf(stream: ClientHttp2Stream, error: NodeJS.ErrnoException): Error {
  if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return new NotConnectedError(error);
  const isBroken = error.code === 'ECONNRESET' || stream.rstCode === constants.NGHTTP2_CANCEL;
  return isBroken ? new StaleConnectionError({ cause: error }) : error;
}

/** The stream, read through an iterator: a server that ends an answer in the middle is an error of whoever reads it. */
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
