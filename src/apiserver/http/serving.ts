/** The requests that are being served, from the first to the last. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { seconds } from '../../lib/duration.ts';
import { type HandlerParts, handle, type Ongoing } from './handler.ts';
import { isHTTP2 } from './http2.ts';
import { Upgrade } from './upgrade.ts';

/** How long a server that is closing waits for clients to take their answers. */
const CLOSE_LIMIT = seconds(5);

export class Serving {
  readonly #parts: HandlerParts;
  readonly #ending = new AbortController();
  readonly #begun = Promise.withResolvers<void>();
  /** Connections that have left HTTP, or want to. */
  readonly #upgrades = new Set<Upgrade>();
  /** Requests whose responses have not closed, and what goes on of them. */
  readonly #requests = new Map<ServerResponse, Ongoing | undefined>();
  /** Called when the last of them has. */
  #idle: () => void = () => {};
  /** All connections, those too that are still at their handshake: no server knows of them. */
  readonly #connections = new Set<Socket>();
  /** Connections of HTTP/2. */
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections of HTTP/1.1 that have had a request. */
  readonly #sockets = new Set<Socket>();
  #isDraining = false;
  #closed: Promise<void> | undefined;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Aborted when the server is to end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Lets requests in. Those that came before, on a port that is already open, have waited. */
  begin(): void {
    this.#begun.resolve();
  }

  /**
   * From now on connections end with their next answer. Clients then make no request just as their connection is ended with the server, of
   * which they could not tell whether it was heard.
   */
  drain(): void {
    this.#isDraining = true;
  }

  readonly onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.ending.aborted) {
      // Whatever it asks for is not begun: other servers can be asked for it, and clients of Kubernetes do so when told how soon.
      response.writeHead(503, { 'retry-after': '1', ...(isHTTP2(request) ? {} : { connection: 'close' }) }).end();
      return;
    }
    if (!isHTTP2(request)) this.#noteSocket(request.socket);
    if (this.#isDraining && !isHTTP2(request)) response.shouldKeepAlive = false;
    this.#requests.set(response, undefined);
    void this.#serve(request, response);
  };

  readonly onConnection = (socket: Socket): void => {
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    this.#parts.limits.connections.onConnection(socket);
  };

  readonly onSession = (session: ServerHttp2Session): void => {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
  };

  #noteSocket(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** A request to speak another protocol: as any other, until it is accepted. */
  readonly onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // A client that goes away is seen where its connection is read or written.
    socket.on('error', () => {});
    if (this.ending.aborted) {
      socket.destroy();
      return;
    }
    const upgrade = new Upgrade(request, socket, head);
    this.#upgrades.add(upgrade);
    void this.#serveUpgrade(request, upgrade).finally(() => this.#upgrades.delete(upgrade));
  };

  async #serveUpgrade(request: IncomingMessage, upgrade: Upgrade): Promise<void> {
    await this.#begun.promise;
    await handle(this.#parts, request, upgrade.response, this.#ending.signal, upgrade);
    await upgrade.closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#begun.promise;
    const ongoing = await handle(this.#parts, request, response, this.#ending.signal);
    // A client that went away before it had its answer is no failure of ours: its response closes too.
    if (response.closed) {
      this.#served(response);
      return;
    }
    this.#requests.set(response, ongoing);
    response.once('close', () => this.#served(response));
    if (this.ending.aborted) ongoing?.end();
  }

  #served(response: ServerResponse): void {
    this.#requests.delete(response);
    if (this.#requests.size === 0) this.#idle();
  }

  /** Ends watches, waits for the other answers to be sent, and stops listening. */
  close(servers: readonly Server[]): Promise<void> {
    this.#closed ??= this.#close(servers);
    return this.#closed;
  }

  async #close(servers: readonly Server[]): Promise<void> {
    this.#ending.abort();
    this.#begun.resolve();
    for (const ongoing of this.#requests.values()) ongoing?.end();
    const timer = new AbortController();
    const limit = sleep(CLOSE_LIMIT, undefined, { signal: timer.signal, ref: false }).catch(() => {});
    await Promise.race([this.#finish(), limit]);
    timer.abort();
    // Only now: a server that is closed cuts connections off whose answer it has written and not yet sent.
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const connection of this.#connections) connection.destroy();
    for (const upgrade of this.#upgrades) upgrade.destroy();
    await Promise.all(closed);
  }

  /** Lets what has been written reach the clients. */
  async #finish(): Promise<void> {
    if (this.#requests.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    const sockets = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve).end()));
    const sessions = [...this.#sessions].map((session) => new Promise<void>((resolve) => session.close(resolve)));
    await Promise.all([...sockets, ...sessions]);
  }
}
