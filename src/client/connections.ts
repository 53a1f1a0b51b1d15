/** Connections to one API server: a few that are kept, for requests, and one for each watch. */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../host/clock.ts';
import { milliseconds, seconds } from '../lib/duration.ts';
import { codeOf } from '../lib/errors.ts';
import type { ChosenServer } from './api-servers.ts';
import { basePath, connectionOptions, isPlain } from './connection-options.ts';

/** Without a byte from the server for so long, a request has failed. */
const REQUEST_TIMEOUT = seconds(30);
/** TCP keep-alive: how a watch notices a server that vanished, where there is no other to go to. */
const KEEP_ALIVE = seconds(15);
/** Until a connection stands, its TLS handshake included, where there are other servers to try. */
const CONNECT_LIMIT = seconds(1);
/** Requests at a time. */
const SOCKETS_MAX = 4;

/** No connection came about, so that the request was never sent. */
export class NotConnectedError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NotConnectedError';
  }
}

/** The server closed a kept connection before it read our request. */
export class StaleConnectionError extends Error {
  constructor(options: { cause: unknown }) {
    super('the server closed the connection', options);
    this.name = 'StaleConnectionError';
  }
}

export interface RequestParts {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly payload: Buffer | undefined;
  readonly watch: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** Whether there are other servers to try, so that this one is not waited for long. */
  readonly impatient: () => boolean;
}

export class Connections {
  readonly server: ChosenServer;
  readonly #options: ConnectionsOptions;
  readonly #requests: HttpAgent;
  readonly #watches: HttpAgent;
  readonly #probes: HttpAgent;
  /** Requests whose answers have not come to their end. */
  readonly #active = new Set<ClientRequest>();
  #heardAt: number;
  #isRetired = false;
  #lost: Error | undefined;

  constructor(server: ChosenServer, options: ConnectionsOptions) {
    this.server = server;
    this.#options = options;
    this.#heardAt = options.clock.steady();
    this.#requests = this.#agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE, maxSockets: SOCKETS_MAX });
    this.#watches = this.#agent({ keepAlive: false });
    this.#probes = this.#agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE, maxSockets: 1 });
  }

  /** Why they were all ended, if they were. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** Whether somebody waits for the server, or follows it. */
  get busy(): boolean {
    return this.#active.size > 0;
  }

  /** When the server last said something, by the clock's steady time. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** The server said something. */
  heard(): void {
    this.#heardAt = this.#options.clock.steady();
  }

  /** Sends a request; resolves with the answer's head, its body still to be read. */
  send(parts: RequestParts): Promise<IncomingMessage> {
    // What waited for nothing is not to be taken for silent.
    if (!this.busy) this.heard();
    const { watch, payload } = parts;
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) return reject(new NotConnectedError(this.#lost));
      const request = this.#request(parts, watch ? this.#watches : this.#requests);
      this.#follow(request);
      let connected = false;
      request.once('socket', (socket) => {
        if (watch) socket.setKeepAlive(true, KEEP_ALIVE);
        connected = request.reusedSocket;
        if (connected) return;
        const late = this.#options.impatient() ? setTimeout(tooLate, CONNECT_LIMIT, request) : undefined;
        const settled = () => clearTimeout(late);
        socket.once(isPlain(this.server.endpoint) ? 'connect' : 'secureConnect', () => {
          connected = true;
          settled();
        });
        request.once('close', settled);
      });
      request.once('response', (response) => {
        this.heard();
        resolve(response);
      });
      request.once('error', (cause) => {
        const error = this.#lost ?? cause;
        if (!connected) reject(new NotConnectedError(error));
        else if (request.reusedSocket && codeOf(error) === 'ECONNRESET') reject(new StaleConnectionError({ cause }));
        else reject(error);
      });
      if (!watch) {
        request.setTimeout(REQUEST_TIMEOUT, () => {
          request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT / 1000} s`));
        });
      }
      request.end(payload);
    });
  }

  /** Asks whether the server lives, on a connection kept for that. Resolves when it answers, whatever; rejects after `limit`. */
  probe(limit: number): Promise<void> {
    const host = new URL(this.server.endpoint.server).host;
    const headers = { host, 'user-agent': 'postern' };
    const parts = { method: 'GET', path: '/livez', headers, payload: undefined, watch: false, signal: undefined };
    return new Promise((resolve, reject) => {
      const request = this.#request(parts, this.#probes);
      const timer = setTimeout(() => {
        // A process that was held up finds its timers due before it has read what came meanwhile.
        setImmediate(() => setImmediate(() => request.destroy(new Error(`it did not answer within ${limit} ms`))));
      }, limit);
      request.once('close', () => clearTimeout(timer));
      request.once('error', reject);
      request.once('response', (response) => {
        this.heard();
        response.resume();
        resolve();
      });
      request.end();
    });
  }

  /** Ends every connection at once: whoever waits on one is told why. */
  lose(cause: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = cause;
    for (const request of [...this.#active]) request.destroy(cause);
    this.destroy();
  }

  /** Lets what is under way come to its end, and then closes. */
  retire(): void {
    this.#isRetired = true;
    if (!this.busy) this.destroy();
  }

  /** Closes what is open. */
  destroy(): void {
    for (const agent of [this.#requests, this.#watches, this.#probes]) agent.destroy();
  }

  #follow(request: ClientRequest): void {
    this.#active.add(request);
    request.once('close', () => {
      this.#active.delete(request);
      if (this.#isRetired && !this.busy) this.destroy();
    });
  }

  #request({ method, path, headers, signal }: RequestParts, agent: HttpAgent): ClientRequest {
    const { endpoint } = this.server;
    const options = {
      ...connectionOptions(endpoint),
      ...(signal === undefined ? {} : { signal }),
      method,
      path: basePath(endpoint) + path,
      agent,
      headers,
    };
    return isPlain(endpoint) ? httpRequest(options) : httpsRequest(options);
  }

  #agent(options: { keepAlive: boolean; keepAliveMsecs?: number; maxSockets?: number }): HttpAgent {
    const { endpoint } = this.server;
    return isPlain(endpoint) ? new HttpAgent(options) : new HttpsAgent({ ...options, ...connectionOptions(endpoint) });
  }
}

function tooLate(request: ClientRequest): void {
  request.destroy(new Error(`no connection within ${milliseconds(CONNECT_LIMIT)} ms`));
}
