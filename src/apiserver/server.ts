/** The API server: what it is given, what it needs besides, and its life. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { CIDR } from '../lib/ip.ts';
import type { Store } from '../store/store.ts';
import { ServiceAdmission } from './allocation/service-admission.ts';
import { TakenClaims } from './allocation/taken.ts';
import { bootstrap } from './bootstrap.ts';
import type { Api } from './context.ts';
import { Documents } from './discovery/documents.ts';
import { keepHouse } from './housekeeping.ts';
import { type HandlerParts, handle } from './http/handler.ts';
import { type ListenAddress, listenOn, listenOnSocket, makeServer } from './http/listen.ts';
import { Metrics } from './metrics.ts';
import { namespaceAdmission } from './namespace-admission.ts';
import type { Pki } from './pki/pki.ts';
import { Codec } from './storage/codec.ts';

export interface ApiServerOptions {
  readonly store: Store;
  readonly pki: Pki;
  readonly listen: ListenAddress;
  /** Listen on this Unix socket too, with TLS as well. */
  readonly socketPath?: string;
  /** Permissions of the socket. Default: 0600. */
  readonly socketMode?: number;
  /** At most one per family; the first is the primary family. */
  readonly serviceCIDRs: readonly CIDR[];
  readonly nodePortRange: { readonly first: number; readonly last: number };
  readonly log: Logger;
  readonly clock?: Clock;
  /** In [0, 1), as Math.random. */
  readonly random?: () => number;
}

export interface ApiServer {
  readonly address: string;
  readonly port: number;
  /** Ends watches, waits for requests that are being served, and stops listening. The signal does the same. */
  close(): Promise<void>;
}

/** Starts the server; it listens once the promise resolves. Throws ListenError when it cannot. */
export async function startApiServer(options: ApiServerOptions, signal: AbortSignal): Promise<ApiServer> {
  const { store, pki, log, clock = systemClock, random = Math.random } = options;
  const codec = new Codec();
  const taken = new TakenClaims(store, log);
  const services = new ServiceAdmission({ ...options, taken, clock, random });
  const api: Api = { store, codec, clock, random, log, admissions: [namespaceAdmission(store, codec), services] };
  const metrics = new Metrics();
  const serving = new Serving({ api, metrics, documents: new Documents(metrics) });
  const server = makeServer(pki, serving.onRequest);
  const { address, port } = await listenOn(server, options.listen);
  const servers = [server];
  try {
    await taken.start(serving.ending);
    await bootstrap(api, { serviceCIDRs: options.serviceCIDRs, port });
    if (options.socketPath !== undefined) {
      const other = makeServer(pki, serving.onRequest);
      servers.push(other);
      await listenOnSocket(other, options.socketPath, options.socketMode ?? 0o600);
    }
    serving.begin();
    void keepHouse(api, serving.ending);
  } catch (error) {
    await serving.close(servers);
    throw error;
  }
  const close = () => serving.close(servers);
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) await close();
  return { address, port, close };
}

/** The requests that are being served, from the first to the last. */
class Serving {
  readonly #parts: HandlerParts;
  readonly #ending = new AbortController();
  readonly #begun = Promise.withResolvers<void>();
  readonly #requests = new Set<Promise<void>>();
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

  readonly onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const served = this.#begun.promise.then(() => handle(this.#parts, request, response, this.#ending.signal));
    this.#requests.add(served);
    void served.finally(() => this.#requests.delete(served));
  };

  close(servers: readonly Server[]): Promise<void> {
    this.#closed ??= this.#close(servers);
    return this.#closed;
  }

  async #close(servers: readonly Server[]): Promise<void> {
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#ending.abort();
    this.#begun.resolve();
    await Promise.all(this.#requests);
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
  }
}
