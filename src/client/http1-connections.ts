/**
 * Connections of HTTP/1.1 to one API server: a few that are kept, for requests, one for each watch, and one on which it is asked whether the
 * server lives.
 */
import { type AgentOptions, type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duration } from '../lib/duration.ts';
import { codeOf } from '../lib/errors.ts';
import type { Endpoint } from './client.ts';
import { NotConnectedError, StaleConnectionError } from './connection-errors.ts';
import { basePath, connectionOptions, IDLE_LIMIT, isPlain, KEEP_ALIVE, REQUEST_TIMEOUT } from './connection-options.ts';
import { onceLate } from './once-late.ts';
import type { RequestParts } from './request-parts.ts';
import type { Answer } from './session.ts';

export interface HTTP1Options {
  /** Requests at a time; the others wait. */
  readonly requests: number;
  /** Within how many milliseconds a connection has to stand. Undefined: however long that takes. */
  readonly connectLimit: () => Duration | undefined;
  /** Called when a request is over. */
  readonly rest: () => void;
}

export class HTTP1Connections {
  readonly #endpoint: Endpoint;
  readonly #options: HTTP1Options;
  readonly #requests: HttpAgent;
  readonly #watches: HttpAgent;
  readonly #probes: HttpAgent;
  /** Those of `#requests` that stand: Node.js tells a request that waited for one nothing of its age. */
  readonly #standing = new WeakSet<object>();
  /** Requests whose answers have not come to their end. */
  readonly #active = new Set<ClientRequest>();

  constructor(endpoint: Endpoint, options: HTTP1Options) {
    this.#endpoint = endpoint;
    this.#options = options;
    const kept = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE };
    this.#requests = this.#agent({ ...kept, maxSockets: options.requests, timeout: IDLE_LIMIT });
    this.#watches = this.#agent({ keepAlive: false });
    this.#probes = this.#agent({ ...kept, maxSockets: 1 });
  }

  /** Whether an answer has not come to its end. */
  get busy(): boolean {
    return this.#active.size > 0;
  }

  /**
   * Sends a request; resolves with the answer's head. Rejects with {@link NotConnectedError} where it was not sent, with
   * {@link StaleConnectionError} where a kept connection had ended just before.
   */
  send(parts: RequestParts): Promise<Answer> {
    const { watch, payload } = parts;
    return new Promise((resolve, reject) => {
      const request = this.#request(parts, watch ? this.#watches : this.#requests);
      this.#follow(request);
      let connected = false;
      let reused = false;
      request.once('socket', (socket) => {
        if (watch) socket.setKeepAlive(true, KEEP_ALIVE);
        reused = this.#standing.has(socket);
        connected = reused;
        if (connected) return;
        const settled = this.#limit(request);
        socket.once(isPlain(this.#endpoint) ? 'connect' : 'secureConnect', () => {
          connected = true;
          this.#standing.add(socket);
          settled();
        });
        request.once('close', settled);
      });
      request.once('response', resolve);
      request.once('error', (error) => {
        if (!connected) reject(new NotConnectedError(error));
        else if (reused && codeOf(error) === 'ECONNRESET') reject(new StaleConnectionError({ cause: error }));
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

  /** Asks for an answer of which only the code matters, on the connection kept for that. Rejects after `limit` milliseconds. */
  ask(parts: RequestParts, limit: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = this.#request(parts, this.#probes);
      const timer = onceLate(limit, (error) => request.destroy(error));
      request.once('close', () => clearTimeout(timer));
      request.once('error', reject);
      request.once('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.end();
    });
  }

  /** Ends whatever is under way, with `cause`. */
  endAll(cause: Error): void {
    for (const request of [...this.#active]) request.destroy(cause);
  }

  /** Ends what only reads, with `cause`. */
  endReads(cause: Error): void {
    for (const request of [...this.#active]) if (request.method === 'GET') request.destroy(cause);
  }

  /** Closes what is open. */
  destroy(): void {
    for (const agent of [this.#requests, this.#watches, this.#probes]) agent.destroy();
  }

  #follow(request: ClientRequest): void {
    this.#active.add(request);
    request.once('close', () => {
      this.#active.delete(request);
      this.#options.rest();
    });
  }

  /** Ends a request whose connection takes too long. Returns what says that it stands, or is not needed. */
  #limit(request: ClientRequest): () => void {
    const limit = this.#options.connectLimit();
    if (limit === undefined) return () => {};
    const late = () => request.destroy(new Error(`no connection within ${limit} ms`));
    const timer = setTimeout(late, limit);
    return () => clearTimeout(timer);
  }

  #request({ method, path, headers, signal }: RequestParts, agent: HttpAgent): ClientRequest {
    const options = {
      ...connectionOptions(this.#endpoint),
      ...(signal === undefined ? {} : { signal }),
      method,
      path: basePath(this.#endpoint) + path,
      agent,
      headers,
    };
    return isPlain(this.#endpoint) ? httpRequest(options) : httpsRequest(options);
  }

  #agent(options: AgentOptions): HttpAgent {
    const endpoint = this.#endpoint;
    return isPlain(endpoint) ? new HttpAgent(options) : new HttpsAgent({ ...options, ...connectionOptions(endpoint) });
  }
}
