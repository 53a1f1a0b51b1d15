/**
 * Connections to nodes. No node is connected to: its agent keeps one request open, on which it is asked for connections, and opens
 * those itself. So nodes need no port that is reachable, and no certificate of their own to serve with.
 */
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { ApiError } from '../../api/status.ts';
import { failure } from '../../api/status.ts';
import type { Clock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';

/** How long an agent may take to open a connection that it was asked for. */
const OPEN_LIMIT = seconds(10);
/** Connections to one node at a time. Each is somebody's `kubectl exec`, `logs -f` or `port-forward`. */
const CONNECTIONS_MAX = 512;

/** Links to one node: an agent has one for each name that it knows of this server, and those of an earlier run may not have ended yet. */
const LINKS_MAX = 4;

/** An agent that can be asked for connections. */
export interface Agent {
  /** Asks for a connection with this id. */
  ask(id: string): void;
  /** Called when others of the same node have taken its place. */
  replaced(): void;
}

interface Link {
  readonly agent: Agent;
  /** Connections that were asked for, by id. */
  readonly asked: Map<string, (socket: Duplex) => void>;
}

/** The agents that can be asked, and the connections that they were asked for. */
export class NodeLinks {
  readonly #clock: Clock;
  /** Of each node, the newest first. */
  readonly #links = new Map<string, readonly Link[]>();
  /** How many connections there are to each node, those asked for included. */
  readonly #counts = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nodes whose agents can be asked. */
  get nodes(): number {
    return this.#links.size;
  }

  /** Open connections to all nodes. */
  get connections(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** An agent is there, until what is returned is called. The newest of a node is the one that is asked. */
  join(node: string, agent: Agent): () => void {
    const link: Link = { agent, asked: new Map() };
    const links = this.#links.get(node) ?? [];
    this.#links.set(node, [link, ...links.slice(0, LINKS_MAX - 1)]);
    for (const old of links.slice(LINKS_MAX - 1)) old.agent.replaced();
    return () => this.#leave(node, link);
  }

  #leave(node: string, link: Link): void {
    const left = this.#links.get(node)?.filter((other) => other !== link) ?? [];
    if (left.length > 0) this.#links.set(node, left);
    else this.#links.delete(node);
  }

  /** Whether a connection with this id was asked for, and has not come yet. */
  expects(node: string, id: string): boolean {
    return this.#taker(node, id) !== undefined;
  }

  #taker(node: string, id: string): ((socket: Duplex) => void) | undefined {
    return this.#links
      .get(node)
      ?.find(({ asked }) => asked.has(id))
      ?.asked.get(id);
  }

  /** The connection that was asked for with this id. One that nobody waits for any more is ended. */
  give(node: string, id: string, socket: Duplex): void {
    const taker = this.#taker(node, id);
    if (taker === undefined) socket.destroy();
    else taker(socket);
  }

  /** A new connection to the agent of a node. Throws an ApiError: 429, 503 or 504. */
  async connect(node: string, signal: AbortSignal): Promise<Duplex> {
    const link = this.#links.get(node)?.[0];
    if (link === undefined) throw notConnected(node);
    const count = this.#counts.get(node) ?? 0;
    if (count >= CONNECTIONS_MAX) throw tooMany(node);
    this.#counts.set(node, count + 1);
    try {
      const socket = await this.#ask(node, link, signal);
      socket.once('close', () => this.#release(node));
      if (socket.destroyed) this.#release(node);
      return socket;
    } catch (error) {
      this.#release(node);
      throw error;
    }
  }

  async #ask(node: string, { agent, asked }: Link, signal: AbortSignal): Promise<Duplex> {
    const id = randomUUID();
    const done = new AbortController();
    const late = this.#clock.sleep(OPEN_LIMIT, AbortSignal.any([signal, done.signal])).then(() => {
      throw noAnswer(node);
    });
    const given = new Promise<Duplex>((resolve) => asked.set(id, resolve));
    try {
      agent.ask(id);
      return await Promise.race([given, late]);
    } finally {
      asked.delete(id);
      done.abort();
      late.catch(() => {});
    }
  }

  #release(node: string): void {
    const left = (this.#counts.get(node) ?? 1) - 1;
    if (left > 0) this.#counts.set(node, left);
    else this.#counts.delete(node);
  }
}

function notConnected(node: string): ApiError {
  return failure(
    503,
    'ServiceUnavailable',
    `node ${JSON.stringify(node)} is not connected: no agent of that name has reached this API server. See whether the node is ready (kubectl get node ${node}) and whether its agent runs (postern agent --node-name ${node})`,
  );
}

function noAnswer(node: string): ApiError {
  return failure(
    504,
    'Timeout',
    `the agent of node ${JSON.stringify(node)} opened no connection within ${OPEN_LIMIT / 1000} s; it may be overloaded or cut off. Try again, and see its log if it stays so`,
  );
}

function tooMany(node: string): ApiError {
  return failure(
    429,
    'TooManyRequests',
    `node ${JSON.stringify(node)} has ${CONNECTIONS_MAX} streams open (logs -f, exec, attach, port-forward), which is as many as it may; end some of them`,
    { retryAfterSeconds: 10 },
  );
}
