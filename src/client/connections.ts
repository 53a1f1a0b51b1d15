/**
 * Connections to one API server: a few that are kept, for requests, and one for all watches. A server that does not speak
 * HTTP/2 gets one for each watch.
 */
import { type AgentOptions, type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../host/clock.ts';
import { milliseconds, seconds } from '../lib/duration.ts';
import { codeOf } from '../lib/errors.ts';
import type { ChosenServer } from './api-servers.ts';
import { basePath, connectionOptions, isPlain } from './connection-options.ts';
import { type Answer, NoHTTP2Error, WatchSession } from './watch-session.ts';
import { NotConnectedError, Watches } from './watches.ts';

/** Without a byte from the server for so long, a request has failed. */
const REQUEST_TIMEOUT = seconds(30);
/** TCP keep-alive: how a watch notices a server that vanished, where there is no other to go to. */
const KEEP_ALIVE = seconds(15);
/** Until a connection stands, its TLS handshake included, where there are other servers to try. */
const CONNECT_LIMIT = seconds(1);
/** How long a server that is left, as it takes no connections any more, has for the answers that it owes. */
const LAST_ANSWERS = seconds(1);
/** Requests at a time. */
const SOCKETS_MAX = 4;
/** A connection that was not needed for so long is closed. */
const IDLE_LIMIT = seconds(30);

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
  readonly #watches: Watches;
  /** For a server without HTTP/2. */
  readonly #watchesApart: HttpAgent;
  readonly #probes: HttpAgent;
  /** Those of `#requests` that stand: Node.js tells a request that waited for one nothing of its age. */
  readonly #standing = new WeakSet<object>();
  /** Requests whose answers have not come to their end. */
  readonly #active = new Set<ClientRequest>();
  #heardAt: number;
  #isRetired = false;
  #onEnd: () => void = () => {};
  #hasHTTP2: boolean;
  #lost: Error | undefined;

  constructor(server: ChosenServer, options: ConnectionsOptions) {
    this.server = server;
    this.#options = options;
    this.#heardAt = options.clock.steady();
    this.#requests = this.#agent({
      keepAlive: true,
      keepAliveMsecs: KEEP_ALIVE,
      maxSockets: SOCKETS_MAX,
      timeout: IDLE_LIMIT,
    });
    this.#watches = new Watches({ connect: () => this.#connect(), idle: () => this.#rest() });
    this.#watchesApart = this.#agent({ keepAlive: false });
    this.#hasHTTP2 = !isPlain(server.endpoint);
    this.#probes = this.#agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE, maxSockets: 1 });
  }

  /** Whether they are not to be used any more. */
  get isOver(): boolean {
    return this.#lost !== undefined || this.#isRetired;
  }

  /** Why they were all ended, if they were. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** Whether somebody waits for the server, or follows it. */
  get busy(): boolean {
    return this.#active.size + this.#watches.count > 0;
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
  async send(parts: RequestParts): Promise<Answer> {
    // What waited for nothing is not to be taken for silent.
    if (!this.busy) this.heard();
    if (this.#lost !== undefined) throw new NotConnectedError(this.#lost);
    if (parts.watch && this.#hasHTTP2) {
      try {
        return await this.#openWatch(parts);
      } catch (error) {
        if (!(error instanceof NoHTTP2Error)) throw this.#lost ?? error;
        this.#hasHTTP2 = false;
      }
    }
    return await this.#sendAlone(parts);
  }

  async #openWatch(parts: RequestParts): Promise<Answer> {
    const answer = await this.#watches.open({ ...parts, path: basePath(this.server.endpoint) + parts.path });
    this.heard();
    return answer;
  }

  #sendAlone(parts: RequestParts): Promise<Answer> {
    const { watch, payload } = parts;
    return new Promise((resolve, reject) => {
      const request = this.#request(parts, watch ? this.#watchesApart : this.#requests);
      this.#follow(request);
      let connected = false;
      let reused = false;
      request.once('socket', (socket) => {
        if (watch) socket.setKeepAlive(true, KEEP_ALIVE);
        reused = this.#standing.has(socket);
        connected = reused;
        if (connected) return;
        const late = this.#options.impatient() ? setTimeout(tooLate, CONNECT_LIMIT, request) : undefined;
        const settled = () => clearTimeout(late);
        socket.once(isPlain(this.server.endpoint) ? 'connect' : 'secureConnect', () => {
          connected = true;
          this.#standing.add(socket);
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
        else if (reused && codeOf(error) === 'ECONNRESET') reject(new StaleConnectionError({ cause }));
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
  async probe(limit: number): Promise<void> {
    await this.#ask('/livez', limit);
  }

  /** Whether the server says within `limit` that it can serve, its store included. One that does not let us ask is taken to. */
  async isReady(limit: number): Promise<boolean> {
    try {
      return (await this.#ask('/readyz', limit)) < 500;
    } catch {
      return false; // No answer is one, here.
    }
  }

  /** The code of the answer. */
  #ask(path: string, limit: number): Promise<number> {
    const host = new URL(this.server.endpoint.server).host;
    const headers = { host, 'user-agent': 'postern' };
    const parts = { method: 'GET', path, headers, payload: undefined, watch: false, signal: undefined };
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
        resolve(response.statusCode ?? 0);
      });
      request.end();
    });
  }

  /** Ends every connection at once: whoever waits on one is told why. */
  lose(cause: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = cause;
    for (const request of [...this.#active]) request.destroy(cause);
    this.#watches.destroy(cause);
    this.destroy();
  }

  /**
   * Ends every connection as another server is used: reads at once, as they are made again there; writes, which are not, when they are
   * answered, or after a moment.
   */
  leave(cause: Error): void {
    if (this.#lost !== undefined || this.#isRetired) return;
    for (const request of [...this.#active]) if (request.method === 'GET') request.destroy(cause);
    this.#watches.destroy(cause);
    const timer = setTimeout(() => this.lose(cause), LAST_ANSWERS);
    this.#onEnd = () => clearTimeout(timer);
    this.retire();
  }

  /** Lets what is under way come to its end, and then closes. */
  retire(): void {
    this.#isRetired = true;
    if (!this.busy) this.destroy();
  }

  /** Closes what is open. */
  destroy(): void {
    this.#onEnd();
    this.#watches.destroy();
    for (const agent of [this.#requests, this.#watchesApart, this.#probes]) agent.destroy();
  }

  #connect(): WatchSession {
    const limit = this.#options.impatient() ? CONNECT_LIMIT : undefined;
    return new WatchSession(connectionOptions(this.server.endpoint), limit);
  }

  /** Whoever waited has what he waited for. */
  #rest(): void {
    if (this.#isRetired && !this.busy) this.destroy();
  }

  #follow(request: ClientRequest): void {
    this.#active.add(request);
    request.once('close', () => {
      this.#active.delete(request);
      this.#rest();
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

  #agent(options: AgentOptions): HttpAgent {
    const { endpoint } = this.server;
    return isPlain(endpoint) ? new HttpAgent(options) : new HttpsAgent({ ...options, ...connectionOptions(endpoint) });
  }
}

function tooLate(request: ClientRequest): void {
  request.destroy(new Error(`no connection within ${milliseconds(CONNECT_LIMIT)} ms`));
}
