/** The Client over HTTPS: requests on kept connections, each watch on a connection of its own. */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Kind } from '../api/kind.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../api/meta/v1.ts';
import { ApiError, failure, type Status } from '../api/status.ts';
import { messageOf } from '../lib/errors.ts';
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
} from './client.ts';
import { jsonLines } from './json-lines.ts';
import { deleteBody, listQuery, patchBody, resourcePath } from './resource-path.ts';
import { TokenFile } from './token-file.ts';

/** Milliseconds without a byte from the server after which a request has failed. */
const REQUEST_TIMEOUT = 30_000;
/** TCP keep-alive, in milliseconds: how a watch notices a server that vanished. */
const KEEP_ALIVE = 15_000;
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

/** A Client of the server at `endpoint`. Connects on the first call; `close` ends all connections. */
export function createClient(endpoint: Endpoint): Client & { close(): void } {
  return new HttpClient(endpoint);
}

class HttpClient implements Client {
  readonly #endpoint: Endpoint;
  readonly #url: URL;
  readonly #requests: HttpAgent;
  readonly #watches: HttpAgent;
  readonly #tokenFile: TokenFile | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#tokenFile = endpoint.tokenFile === undefined ? undefined : new TokenFile(endpoint.tokenFile);
    this.#url = new URL(endpoint.server);
    this.#requests = this.#agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE, maxSockets: 4 });
    this.#watches = this.#agent({ keepAlive: false });
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
    options: Omit<ListOptions, 'limit'> & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const query = listQuery(options, {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const path = resourcePath(kind, options) + query;
    try {
      const response = await this.#open({ method: 'GET', path, signal, watch: true });
      for await (const event of jsonLines(response)) yield watchEvent(kind, event as RawWatchEvent<T>);
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof ApiError ? error : this.#unreachable(`watch ${path}`, error);
    }
  }

  raw(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    return this.#call({ method, path, body });
  }

  close(): void {
    this.#requests.destroy();
    this.#watches.destroy();
  }

  async #call(call: Call): Promise<unknown> {
    try {
      const text = await readBody(await this.#open(call));
      return text === '' ? undefined : parseAnswer(text);
    } catch (error) {
      throw error instanceof ApiError ? error : this.#unreachable(`${call.method} ${call.path}`, error);
    }
  }

  /** Sends the request; resolves with a successful answer's head, its body still to be read. */
  async #open(call: Call): Promise<IncomingMessage> {
    const response = await this.#send(call).catch((error: unknown) => {
      // A kept connection that the server closed just as we used it: a read can safely be sent again.
      if (call.method === 'GET' && error instanceof StaleConnection) return this.#send(call);
      throw error;
    });
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return response;
    if (code === 401) this.#tokenFile?.refused();
    throw apiError(code, await readBody(response));
  }

  async #send({ method, path, body, contentType, signal, watch = false }: Call): Promise<IncomingMessage> {
    const { socketPath } = this.#endpoint;
    const token = (await this.#tokenFile?.token()) ?? this.#endpoint.token;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const options = {
      method,
      path: this.#url.pathname.replace(/\/$/, '') + path,
      agent: watch ? this.#watches : this.#requests,
      host: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(signal === undefined ? {} : { signal }),
      headers: {
        accept: 'application/json',
        host: this.#url.host,
        'user-agent': 'postern',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(payload === undefined
          ? {}
          : { 'content-type': contentType ?? 'application/json', 'content-length': payload.length }),
      },
    };
    return new Promise((resolve, reject) => {
      const request: ClientRequest = this.#url.protocol === 'http:' ? httpRequest(options) : httpsRequest(options);
      request.once('response', resolve);
      request.once('socket', (socket) => watch && socket.setKeepAlive(true, KEEP_ALIVE));
      request.once('error', (cause: NodeJS.ErrnoException) => {
        reject(request.reusedSocket && cause.code === 'ECONNRESET' ? new StaleConnection({ cause }) : cause);
      });
      if (!watch) {
        request.setTimeout(REQUEST_TIMEOUT, () => {
          request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT / 1000} s`));
        });
      }
      request.end(payload);
    });
  }

  #agent(options: { keepAlive: boolean; keepAliveMsecs?: number; maxSockets?: number }): HttpAgent {
    if (this.#url.protocol === 'http:') return new HttpAgent(options);
    const { caData, clientCertificate, clientKey } = this.#endpoint;
    return new HttpsAgent({
      ...options,
      servername: serverName(this.#url),
      ...(caData === undefined ? {} : { ca: caData }),
      ...(clientCertificate === undefined ? {} : { cert: clientCertificate }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
    });
  }

  #unreachable(what: string, cause: unknown): TransportError {
    const { socketPath, server } = this.#endpoint;
    const where = socketPath === undefined ? server : `${server} (through ${socketPath})`;
    const why = messageOf(cause);
    return new TransportError(`${what}: cannot talk to the API server at ${where}: ${why}`, { cause });
  }
}

interface RawList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[] | null;
}

interface RawWatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T | Status;
}

/** The server closed a kept connection before it read our request. */
class StaleConnection extends Error {
  constructor(options: { cause: unknown }) {
    super('the server closed the connection', options);
    this.name = 'StaleConnection';
  }
}

/** What the certificate must name. SNI may not carry an IP address (RFC 6066 section 3). */
export function serverName(url: URL): string {
  const isAddress = url.hostname.startsWith('[') || /^[\d.]+$/.test(url.hostname);
  return isAddress ? '' : url.hostname;
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

export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > BODY_LIMIT) throw new Error(`the answer is longer than ${BODY_LIMIT} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
