/**
 * The members of etcd, of which one at a time is asked: the leader, or else the first that answers and knows of a leader, to whom it
 * passes all writes on. It is asked for its health all the time, so that one that is silent (its machine lost power, the network was
 * cut) is left as soon as one that closed the connection. Calls under way on it are ended then; what that means for them is for
 * `calls.ts` to say.
 */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { StoreClosedError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { StoreUnavailableError } from './errors.ts';
import { CallError } from './failure.ts';
import type { StatusResponse } from './messages.ts';

/** Milliseconds between questions about health, for the answer, and for the answer to the one more that follows silence. */
const HEALTH = { interval: 400, timeout: 800, again: 300 };

/** Milliseconds that a member has to show that it can be used. */
const ELECTION_TIMEOUT = 1000;

/** Milliseconds that the leader is waited for when another member has answered. */
const LEADER_WAIT = 250;

/** How many questions about health apart the members are asked for: about half a minute. */
const LEARN_EVERY = 75;

/** Milliseconds before all members are tried again. */
const PAUSE = { first: 50, most: 500 };

export interface ClusterOptions {
  readonly endpoints: readonly string[];
  /** Called before a member is looked for. */
  readonly refresh: () => Promise<void>;
  /** Throws what keeps any connection from being made. */
  readonly connect: (endpoint: string) => Connection;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #closing = new AbortController();
  /** Why each endpoint could not be used when it was last tried. */
  readonly #reasons = new Map<string, string>();
  #current: Connection | undefined;
  /** Members that another has named, besides the endpoints that were given. */
  #learned: readonly string[] = [];
  /** Which etcd it is, once one has answered: an address may come to be that of another. */
  #clusterId: number | undefined;
  #choosing: Promise<Connection> | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /**
   * The member to ask. `end`, of `performance.now()`, is when to give up: throws {@link StoreUnavailableError}, which says
   * what is wrong with each. The signal ends the waiting before.
   */
  async member(end: number, signal?: AbortSignal): Promise<Connection> {
    if (this.#closing.signal.aborted) throw new StoreClosedError();
    if (this.#current !== undefined) return this.#current;
    this.#choosing ??= this.#choose();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#unavailable()), Math.max(0, end - performance.now()));
    const stop = () => reject(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([this.#choosing, late]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  /** A member that is of no use any more: the next that is asked for is another, or the same once it is well again. */
  lose(member: Connection, why: unknown): void {
    if (this.#current !== member) return;
    this.#current = undefined;
    const reason = why instanceof Error ? why.message : String(why);
    this.#options.log.warn({ endpoint: member.endpoint, reason }, 'a member of etcd is lost; another is looked for');
    member.close();
  }

  close(): void {
    this.#closing.abort(new StoreClosedError());
    this.#current?.close();
    this.#current = undefined;
  }

  async #choose(): Promise<Connection> {
    const { signal } = this.#closing;
    try {
      for (let pause = PAUSE.first; ; pause = Math.min(2 * pause, PAUSE.most)) {
        await this.#options.refresh();
        const found = await this.#race();
        if (signal.aborted) found?.connection.close();
        signal.throwIfAborted();
        if (found !== undefined) {
          this.#current = found.connection;
          this.#options.log.info({ endpoint: found.connection.endpoint }, 'etcd is asked at this member');
          void this.#watchHealth(found.connection, found.status.raftTerm);
          return found.connection;
        }
        await this.#options.clock.sleep(pause, signal);
      }
    } finally {
      this.#choosing = undefined;
    }
  }

  /** Tries all endpoints at once: one that is silent must not cost the time of the others. */
  async #race(): Promise<{ connection: Connection; status: StatusResponse } | undefined> {
    const { endpoints, clock } = this.#options;
    const all = [...endpoints, ...this.#learned];
    let over = false;
    const attempts = all.map(async (endpoint) => {
      let connection: Connection | undefined;
      try {
        connection = this.#options.connect(endpoint);
        const status = await usable(connection, ELECTION_TIMEOUT);
        if (all.length > 1 && status.leader !== status.header.memberId) await clock.sleep(LEADER_WAIT);
        this.#checkCluster(endpoint, status);
        if (over) throw new Error('another member answered first');
        over = true;
        this.#reasons.clear();
        return { connection, status };
      } catch (error) {
        connection?.close();
        if (!over) this.#reasons.set(endpoint, error instanceof Error ? error.message : String(error));
        throw error;
      }
    });
    try {
      return await Promise.any(attempts);
    } catch {
      // Each of the failures is among the reasons.
      return undefined;
    }
  }

  /** A change of leader counts as well: what the former one had been passed may never be answered. */
  async #watchHealth(member: Connection, term: number): Promise<void> {
    const { clock } = this.#options;
    try {
      for (let round = 0; ; round++) {
        if (round % LEARN_EVERY === 0) await this.#learn(member);
        await clock.sleep(HEALTH.interval, this.#closing.signal);
        if (this.#current !== member) return;
        const { raftTerm } = await usable(member, HEALTH.timeout).catch((error: unknown) => {
          // Asked again, in case that it was this process that was busy.
          if (error instanceof CallError) return usable(member, HEALTH.again);
          throw error;
        });
        if (raftTerm !== term) throw new Error('etcd has another leader');
      }
    } catch (error) {
      this.lose(member, error);
    }
  }

  /** Two etcds that are taken for one would each have a part of the truth. */
  #checkCluster(endpoint: string, { header: { clusterId } }: StatusResponse): void {
    this.#clusterId ??= clusterId;
    if (clusterId !== this.#clusterId) throw new Error(`${endpoint} is a member of another etcd`);
  }

  /** Asks who the members are: those that were given may all be replaced, one after the other. */
  async #learn(member: Connection): Promise<void> {
    const { endpoints, log } = this.#options;
    try {
      const { members } = await member.call('MemberList', {}, HEALTH.timeout);
      const urls = members.filter(({ isLearner }) => !isLearner).flatMap(({ clientURLs }) => clientURLs);
      this.#learned = learnable(urls, endpoints);
    } catch (error) {
      log.debug({ err: error, endpoint: member.endpoint }, 'etcd does not say who its members are');
    }
  }

  #unavailable(): StoreUnavailableError {
    const why = Array.from(this.#reasons.values()).join('; ');
    return new StoreUnavailableError('reach etcd', why === '' ? 'no member answered in time' : why);
  }
}

/**
 * Those of the URLs that members advertise that another machine can have been meant to use, as endpoints that are not known
 * yet: with TLS where the known ones have it, and none that is loopback where those are not.
 */
export function learnable(urls: readonly string[], endpoints: readonly string[]): readonly string[] {
  const known = endpoints.map((endpoint) => new URL(endpoint));
  const protocols = new Set(known.map(({ protocol }) => protocol));
  const anyLoopback = known.some(({ hostname }) => LOOPBACK.test(hostname));
  const usable = urls.flatMap((text) => {
    const url = URL.parse(text);
    if (url === null || url.port === '' || !protocols.has(url.protocol) || UNSPECIFIED.has(url.hostname)) return [];
    return anyLoopback || !LOOPBACK.test(url.hostname) ? [url] : [];
  });
  const isKnown = ({ host }: URL) => known.some((endpoint) => endpoint.host === host);
  const origins = usable.filter((url) => !isKnown(url)).map(({ origin }) => origin);
  return [...new Set(origins)].slice(0, LEARNED_LIMIT);
}

const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '[::]']);

/** More members than an etcd has. */
const LEARNED_LIMIT = 16;

/** The status of a member that can do what it is asked. */
async function usable(connection: Connection, timeout: number): Promise<StatusResponse> {
  const status = await connection.call('Status', {}, timeout);
  if (status.leader === 0) throw new Error(`${connection.endpoint} knows of no leader: etcd is without a quorum`);
  return status;
}
