/** The distributed store: an etcd of one member or several, shared by any number of API servers. */
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { StoreFailedError, StoreInputError, StoreUnfinishedError } from '../errors.ts';
import { checkText } from '../limits.ts';
import type { Revision } from '../store.ts';
import { Calls, type User } from './calls.ts';
import type { Security } from './certificates.ts';
import { EtcdStore } from './client-store.ts';
import { Cluster } from './cluster.ts';
import { type Connector, openConnector } from './connection.ts';
import { CallError } from './failure.ts';
import { follower } from './follow.ts';
import { FIRST_REVISION, Layout, type Place } from './layout.ts';
import { decodeMark, type Mark, markKey } from './mark.ts';

export interface EtcdOptions extends Security {
  /** Client URLs of the members, such as `https://10.0.0.1:2379`: those of one cluster. */
  readonly endpoints: readonly string[];
  /** For an etcd with authentication. It needs the right to read and write all keys, or all that begin with `prefix`. */
  readonly username?: string;
  readonly password?: string;
  /** Reads certificates once more, before each search for a member: they may have been renewed. Default: they stay. */
  readonly reload?: () => Promise<Security>;
  /** What every key of the store begins with in etcd; default: nothing. */
  readonly prefix?: string;
  /** What every key of the store begins with, in place of which the prefix stands; default: nothing. */
  readonly root?: string;
  /**
   * The revision of etcd that is the store's 0; default: as the store's mark says (`mark.ts`), else 1, that of a new etcd. The
   * same for all who share the store, for as long as it lives.
   */
  readonly origin?: number;
  /**
   * Milliseconds in which a read or a write is answered or fails; default: 5000, in which etcd finds a new leader. To find
   * out what became of a write without an answer takes up to 3 s more.
   */
  readonly timeout?: number;
  readonly log: Logger;
  readonly clock?: Clock;
}

const DEFAULT_TIMEOUT = 5000;

/**
 * Opens the store. Throws {@link StoreInputError} for options that cannot be, {@link StoreUnfinishedError} when it is not
 * whole, and, when etcd cannot be used, the errors of `errors.ts`, within the timeout.
 */
export async function openEtcdStore(options: EtcdOptions): Promise<EtcdStore> {
  const etcd = await reachEtcd(options);
  return etcd.closedOnFailure(async () => {
    const mark = await etcd.mark();
    if (mark?.filling !== undefined) throw new StoreUnfinishedError('etcd', mark.filling);
    return etcd.openStore(options.origin ?? mark?.origin ?? FIRST_REVISION, mark?.oldest ?? 0);
  });
}

/** An etcd that can be asked, before it is known how the store lies in it. */
export class ReachedEtcd {
  readonly calls: Calls;
  readonly place: Place;
  readonly #options: EtcdOptions;

  constructor(calls: Calls, place: Place, options: EtcdOptions) {
    this.calls = calls;
    this.place = place;
    this.#options = options;
  }

  /** Undefined: the store began here, or is yet to begin. */
  async mark(): Promise<Mark | undefined> {
    const { kvs } = await asStore('read', () => this.calls.read('Range', { key: markKey(this.place) }));
    return kvs[0] && decodeMark(kvs[0]);
  }

  /** `first`: the oldest revision that can be read. */
  async openStore(origin: number, first: Revision): Promise<EtcdStore> {
    const { log, clock = systemClock } = this.#options;
    const layout = new Layout(this.place, origin);
    const follow = follower({ calls: this.calls, layout, clock, log });
    const store = new EtcdStore({ calls: this.calls, layout, follow, first });
    await store.start(log);
    return store;
  }

  async closedOnFailure<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.calls.cluster.close();
      throw error;
    }
  }
}

/** Reads the certificates, and makes ready to ask etcd; throws as {@link openEtcdStore} for options that cannot be. */
export async function reachEtcd(options: EtcdOptions): Promise<ReachedEtcd> {
  checkOptions(options);
  const { endpoints, log, clock = systemClock, username, password = '', timeout = DEFAULT_TIMEOUT } = options;
  const user: User | undefined = username === undefined ? undefined : { name: username, password };
  const connector = await connectorOf(options);
  const connect = (endpoint: string) => connector.connect(endpoint);
  const cluster = new Cluster({ endpoints, connect, refresh: () => connector.refresh(), clock, log });
  const calls = new Calls({ cluster, user, timeout, clock, log });
  return new ReachedEtcd(calls, { prefix: options.prefix ?? '', root: options.root ?? '' }, options);
}

/** A call in the terms of a store: what etcd turns down is a {@link StoreFailedError}. */
export async function asStore<T>(doing: 'read' | 'write', call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    throw new StoreFailedError(doing === 'read' ? 'read from etcd' : 'write to etcd', error);
  }
}

async function connectorOf({ ca, certificate, key, reload, log }: EtcdOptions): Promise<Connector> {
  const security = { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }) };
  try {
    return await openConnector({ security, reload, log });
  } catch (cause) {
    throw new StoreFailedError('read the certificates for etcd', cause);
  }
}

function checkOptions({
  endpoints,
  prefix = '',
  root = '',
  origin = FIRST_REVISION,
  username,
  certificate,
  key,
}: EtcdOptions): void {
  if (endpoints.length === 0) throw new StoreInputError('etcd needs at least one endpoint');
  for (const endpoint of endpoints) {
    const url = URL.parse(endpoint);
    if (url === null || !/^https?:$/.test(url.protocol) || url.port === '' || url.pathname !== '/') {
      throw new StoreInputError(`an endpoint of etcd is a URL such as https://10.0.0.1:2379, not ${endpoint}`);
    }
  }
  if ((certificate === undefined) !== (key === undefined)) {
    throw new StoreInputError('a certificate for etcd needs its key, and a key its certificate');
  }
  if (username === '') throw new StoreInputError('the name of the user for etcd is empty');
  checkText(prefix);
  checkText(root);
  if (!Number.isSafeInteger(origin) || origin < FIRST_REVISION) {
    throw new StoreInputError(`the origin is a revision of etcd, from ${FIRST_REVISION}, not ${origin}`);
  }
}
