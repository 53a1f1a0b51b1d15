/** The Client over HTTPS, of one server or several. */
import type { Kind } from '../api/kind.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../api/meta/v1.ts';
import { ApiError, failure, type Status } from '../api/status.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { ApiServers, type ApiServersOptions } from './api-servers.ts';
import {
  type Client,
  type DeleteOptions,
  type Draft,
  type Endpoint,
  type Listed,
  type ListOptions,
  type Patch,
  TransportError,
  type WatchEvent,
  type WatchOptions,
} from './client.ts';
import { Connections } from './connections.ts';
import { jsonLines } from './json-lines.ts';
import { type Failure, type Outcome, outcomeOf, unreachable } from './outcome.ts';
import { LastRefusal } from './refusal.ts';
import type { RequestParts } from './request-parts.ts';
import { deleteBody, listQuery, patchBody, resourcePath } from './resource-path.ts';
import type { Answer } from './session.ts';
import { Watchman } from './watchman.ts';

/** Largest answer that is read into memory. */
const BODY_LIMIT = 64 * 1024 * 1024;
/** Objects per page of a list, so that neither side ever holds a whole large list as text. */
const PAGE = 500;
/** A watch is asked anew after this many seconds, as client-go does: connections spread again over servers. */
const WATCH_SECONDS = 600;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  readonly watch?: boolean;
}

export interface ClientOptions extends ApiServersOptions {
  readonly clock?: Clock;
  /** Headers to send besides, asked for with each request. */
  readonly headers?: () => Readonly<Record<string, string>>;
}

/** A Client, and the servers that it knows: whoever learns of others, or gets new credentials, says so there. */
export interface ServedClient extends Client {
  readonly servers: ApiServers;
  /** Ends all connections. */
  close(): void;
}

/**
 * A Client of the server at `endpoint`, and of the others where it names some: it keeps to one, and goes to the next when that
 * one cannot be reached, falls silent or says that it cannot serve. Reads are repeated there; so are writes that were not sent, or were refused
 * as the server cannot serve. A write whose outcome is not known ends in a `TransportError`. Connects on the first call.
 */
export function createClient(endpoint: Endpoint, options: ClientOptions = {}): ServedClient {
  return new HttpClient(new ApiServers(endpoint, options), options);
}

/** Why connections were ended that their owner has closed. */
const CLOSED = new Error('the client has been closed');

class HttpClient implements ServedClient {
  readonly servers: ApiServers;
  readonly #clock: Clock;
  readonly #watchman: Watchman;
  readonly #refusal: LastRefusal;
  readonly #headers: (() => Readonly<Record<string, string>>) | undefined;
  #connections: Connections | undefined;

  constructor(servers: ApiServers, { clock = systemClock, headers }: ClientOptions) {
    this.#headers = headers;
    this.servers = servers;
    this.#clock = clock;
    this.#refusal = new LastRefusal(clock);
    this.#watchman = new Watchman(clock, (connections, cause) => this.#giveUp(connections, cause));
  }

  async get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return (await this.#call({ method: 'GET', path: resourcePath(kind, key) })) as T;
  }

  /** Reads page by page, all of one revision, unless the caller set a limit: then that many at most. */
  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<Listed<T>> {
    const path = resourcePath(kind, options);
    const items: T[] = [];
    let more: Record<string, string> = {};
    for (;;) {
      const query = listQuery({ ...options, limit: options.limit ?? PAGE }, more);
      const page = (await this.#call({ method: 'GET', path: path + query })) as RawList<T>;
      for (const item of page.items ?? []) items.push(withKind(kind, item));
      const next = page.metadata.continue;
      if (options.limit !== undefined || next === undefined || next === '') {
        return { items, resourceVersion: page.metadata.resourceVersion };
      }
      more = { continue: next };
    }
  }

  async create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>): Promise<T> {
    const { namespace } = object.metadata;
    return (await this.#call({ method: 'POST', path: resourcePath(kind, { namespace }), body: object })) as T;
  }

  async update<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    return (await this.#call({ method: 'PUT', path: resourcePath(kind, keyOf(object)), body: object })) as T;
  }

  async updateStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    const path = resourcePath(kind, { ...keyOf(object), subresource: 'status' });
    return (await this.#call({ method: 'PUT', path, body: object })) as T;
  }

  async patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status'): Promise<T> {
    const path = resourcePath(kind, { ...key, ...(subresource === undefined ? {} : { subresource }) });
    return (await this.#call({ method: 'PATCH', path, ...patchBody(patch) })) as T;
  }

  async delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#call({ method: 'DELETE', path: resourcePath(kind, key), body: deleteBody(options) });
  }

  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const query = listQuery(options, {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const path = resourcePath(kind, options) + query;
    const call: Call = { method: 'GET', path, signal, watch: true };
    let connections: Connections | undefined;
    try {
      const response = await this.#attempts(call, (to) => {
        connections = to;
        return this.#open(to, call);
      });
      options.opened?.();
      for await (const event of jsonLines(response)) {
        connections?.heard();
        yield watchEvent(kind, event as RawWatchEvent<T>);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError || error instanceof TransportError || connections === undefined) throw error;
      throw unreachable(call, [{ connections, error: connections.lost ?? error }]);
    }
  }

  raw(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    return this.#call({ method, path, body });
  }

  close(): void {
    this.#watchman.stop();
    this.#connections?.lose(CLOSED);
    this.#connections = undefined;
  }

  #call(call: Call): Promise<unknown> {
    return this.#attempts(call, async (connections) => {
      const text = await readBody(await this.#open(connections, call));
      return text === '' ? undefined : parseAnswer(text);
    });
  }

  /** Makes a call, and makes it again of another server where the first cannot have done it, or doing it twice does no harm. */
  async #attempts<T>(call: Call, use: (connections: Connections) => Promise<T>): Promise<T> {
    const failures: Failure[] = [];
    for (;;) {
      const connections = await this.#toServer();
      try {
        if (failures.length > 0) await this.#refusal.makeSure(connections, wasRefused(failures));
        return await use(connections);
      } catch (error) {
        if (call.signal?.aborted || connections.lost === CLOSED) throw unreachable(call, [{ connections, error }]);
        const outcome = outcomeOf(error, connections);
        if (outcome === 'unavailable') this.#refused(error, failures);
        const last = !this.#goOn(call, outcome, connections, failures.length);
        if (error instanceof ApiError && last) throw error;
        failures.push({ connections, error });
        if (last) throw unreachable(call, failures);
      }
    }
  }

  /** Whether the call is to be made again, of the server that is chosen then. */
  #goOn({ method }: Call, outcome: Outcome, connections: Connections, failed: number): boolean {
    const { servers } = this;
    if (outcome === 'answered') return false;
    const isRead = method === 'GET';
    // A kept connection that the server closed just as we used it: a read can safely be sent again.
    if (!servers.several) return outcome === 'stale' && isRead && failed === 0;
    if (outcome === 'unavailable' && !(this.#refusal.isFresh && servers.hasBetterThan(connections.server))) {
      return false;
    }
    const isUndone = outcome === 'not-connected' || outcome === 'unavailable' || outcome === 'ending';
    if (isUndone) {
      this.#leave(connections, new Error(`another server is used instead of ${connections.server.name}`));
    }
    // What may have been done is not done again: only its caller knows whether that is harmless.
    return (isRead || isUndone) && failed < servers.count;
  }

  /** A server's store does not serve. What the call hears of others after that gives it no more time. */
  #refused(error: unknown, failures: readonly Failure[]): void {
    if (!wasRefused(failures)) this.#refusal.met(error);
  }

  /** Connections to the server that is to be used now. */
  async #toServer(): Promise<Connections> {
    const server = await this.servers.choose();
    if (this.#connections?.server !== server || this.#connections.isOver) {
      this.#connections?.retire();
      const impatient = () => this.servers.several;
      this.#connections = new Connections(server, { clock: this.#clock, impatient });
    }
    if (this.servers.several) this.#watchman.watch(this.#connections);
    return this.#connections;
  }

  /** The server of these connections has fallen silent. */
  #giveUp(connections: Connections, cause: Error): void {
    if (connections.lost !== undefined || !this.servers.several) return;
    if (!connections.isOver) this.servers.failed(connections.server);
    connections.lose(cause);
  }

  /** The server of these connections takes no others, or cannot serve. */
  #leave(connections: Connections, cause: Error): void {
    if (connections.isOver || !this.servers.several) return;
    this.servers.failed(connections.server);
    connections.leave(cause);
  }

  /** Sends the request; resolves with a successful answer's head, its body still to be read. */
  async #open(connections: Connections, call: Call): Promise<Answer> {
    const response = await connections.send(await this.#parts(connections, call));
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return response;
    if (code === 401) this.servers.tokenRefused();
    throw apiError(code, await readBody(response));
  }

  async #parts(connections: Connections, call: Call): Promise<RequestParts> {
    const { method, path, body, contentType, signal, watch = false } = call;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const token = await this.servers.token();
    const headers = {
      accept: 'application/json',
      host: new URL(connections.server.endpoint.server).host,
      'user-agent': 'postern',
      ...this.#headers?.(),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(payload === undefined
        ? {}
        : { 'content-type': contentType ?? 'application/json', 'content-length': payload.length }),
    };
    return { method, path, headers, payload, watch, signal };
  }
}

/** Whether a server whose store does not serve is among those that a call was made of. */
function wasRefused(failures: readonly Failure[]): boolean {
  return failures.some(({ error, connections }) => outcomeOf(error, connections) === 'unavailable');
}

interface RawList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[] | null;
}

interface RawWatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T | Status;
}

/** Items of a list come without apiVersion and kind from servers that know their type from the list's. */
function withKind<T extends KubeObject>(kind: Kind<T>, item: T): T {
  return item.kind === undefined ? { ...item, apiVersion: kind.apiVersion, kind: kind.kind } : item;
}

function watchEvent<T extends KubeObject>(kind: Kind<T>, event: RawWatchEvent<T>): WatchEvent<T> {
  if (event.type === 'ERROR') throw new ApiError(event.object as Status);
  const object = withKind(kind, event.object as T);
  if (event.type === 'BOOKMARK') return { type: 'BOOKMARK', resourceVersion: object.metadata.resourceVersion ?? '' };
  return { type: event.type, object };
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // `/healthz` and `/metrics` answer in plain text.
  }
}

export function apiError(code: number, body: string): ApiError {
  const answer = parseAnswer(body) as Partial<Status> | string | null;
  if (typeof answer === 'object' && answer?.kind === 'Status') return new ApiError(answer as Status);
  return failure(code, 'Unknown', `the server answered ${code}: ${body.slice(0, 200)}`);
}

export async function readBody(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > BODY_LIMIT) throw new Error(`the answer is longer than ${BODY_LIMIT} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
