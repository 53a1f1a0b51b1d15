/**
 * Connections to one API server: one of HTTP/2 for all watches, and for requests while they are few. Many requests go over a few
 * connections of HTTP/1.1 that are kept for a while; a server that speaks that alone gets one for each watch, too.
 */
import type { Clock } from '../host/clock.ts';
import { aborted } from '../lib/abort.ts';
import { type Duration, seconds } from '../lib/duration.ts';
import { Slots } from '../lib/turns.ts';
import type { ChosenServer } from './api-servers.ts';
import { NoHTTP2Error, NotConnectedError } from './connection-errors.ts';
import { basePath, connectionOptions, isPlain } from './connection-options.ts';
import { HTTP1Connections } from './http1-connections.ts';
import { onceLate } from './once-late.ts';
import type { RequestParts } from './request-parts.ts';
import { type Answer, Session } from './session.ts';
import { Sessions } from './sessions.ts';

/** Until a connection stands, its TLS handshake included, where there are other servers to try. */
const CONNECT_LIMIT = seconds(1);
/** How long a server that is left, as it takes no connections any more, has for the answers that it owes. */
const LAST_ANSWERS = seconds(1);
/** Requests at a time. */
const REQUESTS_MAX = 4;
/**
 * A request costs both ends 0.2 ms more on HTTP/2 than on a connection of HTTP/1.1 that stands. So a client that asks seldom, as most do,
 * has one connection for everything; one that asks more often than this, all at once and in a second, gets others for that.
 */
const [SHARED_BURST, SHARED_PER_SECOND] = [64, 4];

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** Whether there are other servers to try, so that this one is not waited for long. */
  readonly impatient: () => boolean;
}

export class Connections {
  readonly server: ChosenServer;
  readonly #options: ConnectionsOptions;
  readonly #sessions: Sessions;
  readonly #turns = new Slots(REQUESTS_MAX);
  /** For many requests, and for a server without HTTP/2. */
  readonly #alone: HTTP1Connections;
  /** How many of HTTP/2 have not, watches among them. */
  #shared = 0;
  /** How many requests may still share the connection, at `at`. */
  #pace = { left: SHARED_BURST, at: 0 };
  #heardAt: number;
  #isRetired = false;
  #onEnd: () => void = () => {};
  #hasHTTP2: boolean;
  #lost: Error | undefined;
  /** Why another server is used. */
  #left: Error | undefined;

  constructor(server: ChosenServer, options: ConnectionsOptions) {
    this.server = server;
    this.#options = options;
    this.#heardAt = options.clock.steady();
    this.#sessions = new Sessions(() => this.#connect());
    this.#alone = new HTTP1Connections(server.endpoint, {
      requests: REQUESTS_MAX,
      connectLimit: () => this.#connectLimit,
      rest: () => this.#rest(),
    });
    this.#hasHTTP2 = !isPlain(server.endpoint);
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
    return this.#alone.busy || this.#shared > 0;
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
    if (this.#hasHTTP2 && (parts.watch || this.#isSeldom())) {
      try {
        return await this.#share(parts);
      } catch (error) {
        if (!(error instanceof NoHTTP2Error)) throw error;
        this.#hasHTTP2 = false;
      }
    }
    const answer = await this.#alone.send(parts);
    this.heard();
    return answer;
  }

  /** Whether there have not been more requests lately than are to share a connection with watches; counts one more. */
  #isSeldom(): boolean {
    const now = this.#options.clock.steady();
    const { left, at } = this.#pace;
    const more = ((now - at) / 1000) * SHARED_PER_SECOND;
    const has = Math.min(SHARED_BURST, left + more);
    this.#pace = { left: Math.max(0, has - 1), at: now };
    return has >= 1;
  }

  /** Asks on the connection of HTTP/2: watches at once, requests when it is their turn. */
  async #share(parts: RequestParts): Promise<Answer> {
    this.#shared++;
    const over = Promise.withResolvers<void>();
    const closed = () => {
      this.#shared--;
      over.resolve();
      this.#rest();
    };
    if (parts.watch) return await this.#open(parts, closed);
    const answer = Promise.withResolvers<Answer>();
    void this.#turns.run(async () => {
      await this.#open(parts, closed).then(answer.resolve, answer.reject);
      await over.promise;
    });
    return await answer.promise;
  }

  async #open(parts: RequestParts, closed: () => void): Promise<Answer> {
    const gone = this.#lost ?? this.#left;
    if (gone !== undefined) {
      closed();
      throw new NotConnectedError(gone);
    }
    try {
      const answer = await this.#sessions.open(this.#below(parts), closed);
      this.heard();
      return answer;
    } catch (error) {
      throw error instanceof NotConnectedError || error instanceof NoHTTP2Error ? error : (this.#lost ?? error);
    }
  }

  /** With the server's own path before that of the request. */
  #below(parts: RequestParts): RequestParts {
    return { ...parts, path: basePath(this.server.endpoint) + parts.path };
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
  async #ask(path: string, limit: number): Promise<number> {
    const host = new URL(this.server.endpoint.server).host;
    const headers = { host, 'user-agent': 'postern' };
    const parts = { method: 'GET', path, headers, watch: false };
    if (this.#hasHTTP2) {
      try {
        return await this.#askShared(parts, limit);
      } catch (error) {
        if (!(error instanceof NoHTTP2Error)) throw error;
        this.#hasHTTP2 = false;
      }
    }
    const code = await this.#alone.ask(parts, limit);
    this.heard();
    return code;
  }

  async #askShared(parts: RequestParts, limit: number): Promise<number> {
    const late = new AbortController();
    const timer = onceLate(limit, (error) => late.abort(error));
    const unanswered = aborted(late.signal).then(() => {
      throw late.signal.reason;
    });
    const { signal } = late;
    try {
      const asking = this.#sessions.open(this.#below({ ...parts, signal }), () => {});
      const { statusCode = 0 } = await Promise.race([asking.then(readOut), unanswered]);
      this.heard();
      return statusCode;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends every connection at once: whoever waits on one is told why. */
  lose(cause: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = cause;
    this.#alone.endAll(cause);
    this.#sessions.destroy(cause);
    this.destroy();
  }

  /**
   * Ends every connection as another server is used: reads at once, as they are made again there; writes, which are not, when they are
   * answered, or after a moment.
   */
  leave(cause: Error): void {
    if (this.#lost !== undefined || this.#isRetired) return;
    this.#left = cause;
    this.#alone.endReads(cause);
    this.#sessions.endReads(cause);
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
    this.#sessions.destroy();
    this.#alone.destroy();
  }

  #connect(): Session {
    return new Session(connectionOptions(this.server.endpoint), this.#connectLimit);
  }

  get #connectLimit(): Duration | undefined {
    return this.#options.impatient() ? CONNECT_LIMIT : undefined;
  }

  /** Whoever waited has what he waited for. */
  #rest(): void {
    if (this.#isRetired && !this.busy) this.destroy();
  }
}

/** Reads an answer of which nothing but the head matters. */
async function readOut(answer: Answer): Promise<Answer> {
  for await (const _ of answer);
  return answer;
}
