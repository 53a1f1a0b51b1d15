/**
 * So that connections of nobody in particular do not use up the server: those that have not shown who they are yet are bounded, from each
 * source and altogether; those that have count for their users' requests.
 */
import type { Socket } from 'node:net';
import type { Metric } from '../../../lib/metrics.ts';
import { isLocal, sourceOf } from './source.ts';

export interface ConnectionLimitsOptions {
  /** Connections from one source, whoever they are. */
  readonly perSource: number;
  /** Of them, those that have not shown who they are; this machine's own may be more. */
  readonly unknownPerSource: number;
  /** Those that have not shown who they are, from all sources: the oldest is ended for the newest. */
  readonly unknown: number;
}

/** Agents of many nodes may be behind one address, and all come back at once. */
const LIMITS: ConnectionLimitsOptions = { perSource: 16_384, unknownPerSource: 1024, unknown: 8192 };

interface Source {
  all: number;
  unknown: number;
}

export class ConnectionLimits {
  readonly #limits: ConnectionLimitsOptions;
  readonly #sources = new Map<string, Source>();
  /** Those that have not shown who they are, by their other end, the oldest first. */
  readonly #unknown = new Map<string, { readonly socket: Socket; readonly source: Source }>();
  readonly #known = new WeakSet<Socket>();
  #refused = 0;
  #count = 0;

  constructor(limits: ConnectionLimitsOptions = LIMITS) {
    this.#limits = limits;
  }

  /** A connection has come, and nothing was said on it yet. One too many is ended. */
  readonly onConnection = (socket: Socket): void => {
    const name = sourceOf(socket);
    // Who reaches the socket in the file system is the owner's to say.
    if (name === undefined) return;
    const source = this.#sources.get(name) ?? { all: 0, unknown: 0 };
    const { perSource, unknownPerSource } = this.#limits;
    if (source.all >= perSource || (source.unknown >= unknownPerSource && !isLocal(name))) {
      this.#refused++;
      socket.destroy();
      return;
    }
    this.#sources.set(name, source);
    source.all++;
    source.unknown++;
    this.#count++;
    const end = endOf(socket);
    this.#unknown.set(end, { socket, source });
    socket.once('close', () => {
      this.#remove(end);
      this.#count--;
      source.all--;
      if (source.all === 0) this.#sources.delete(name);
    });
    this.#dropOldest();
  };

  /** What to call {@link shown} with once somebody has shown on it who they are; undefined when that was. Cheap: asked for every request. */
  newcomer(socket: Socket): string | undefined {
    return this.#known.has(socket) ? undefined : endOf(socket);
  }

  shown(socket: Socket, newcomer: string): void {
    this.#known.add(socket);
    this.#remove(newcomer);
  }

  metrics(): readonly Metric[] {
    return [
      {
        ...{ name: 'postern_apiserver_connections', type: 'gauge', help: 'Connections of clients over TCP.' },
        samples: [
          { labels: { authenticated: 'true' }, value: this.#count - this.#unknown.size },
          { labels: { authenticated: 'false' }, value: this.#unknown.size },
        ],
      },
      {
        name: 'postern_apiserver_connections_refused_total',
        ...{ type: 'counter', help: 'Connections that were ended as there were too many.' },
        samples: [{ value: this.#refused }],
      },
    ];
  }

  #remove(end: string): void {
    const found = this.#unknown.get(end);
    if (found === undefined) return;
    found.source.unknown--;
    this.#unknown.delete(end);
  }

  #dropOldest(): void {
    if (this.#unknown.size <= this.#limits.unknown) return;
    const [oldest] = this.#unknown;
    if (oldest === undefined) return;
    this.#refused++;
    this.#remove(oldest[0]);
    oldest[1].socket.destroy();
  }
}

/** The same for a connection and for what TLS makes of it. */
function endOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
