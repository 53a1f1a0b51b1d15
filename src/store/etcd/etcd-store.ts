/** The distributed store: an etcd of one member or several, shared by any number of API servers. */
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { StoreFailedError, StoreInputError } from '../errors.ts';
import { checkText } from '../limits.ts';
import type { Store } from '../store.ts';
import { Calls, type User } from './calls.ts';
import { EtcdStore } from './client-store.ts';
import { Cluster } from './cluster.ts';
import { connector, type Security } from './connection.ts';
import { follower } from './follow.ts';
import { FIRST_REVISION, Layout } from './layout.ts';

export interface EtcdOptions extends Security {
  /** Client URLs of the members, such as `https://10.0.0.1:2379`: those of one cluster. */
  readonly endpoints: readonly string[];
  /** For an etcd with authentication. It needs the right to read and write all keys, or all that begin with `prefix`. */
  readonly username?: string;
  readonly password?: string;
  /** What every key of the store begins with in etcd; default: nothing, which is Kubernetes' own layout. */
  readonly prefix?: string;
  /**
   * The revision of etcd that is the store's 0; default: 1, that of a new etcd. The same for all who share the store, for as long as it lives.
   */
  readonly origin?: number;
  /**
   * Milliseconds in which a read or a write is answered or fails; default: 5000, in which etcd finds a new leader. To find out what became of
   * a write without an answer takes up to 3 s more.
   */
  readonly timeout?: number;
  readonly log: Logger;
  readonly clock?: Clock;
}

const DEFAULT_TIMEOUT = 5000;

/**
 * Opens the store. Throws {@link StoreInputError} for options that cannot be, and, when etcd cannot be used, the errors of
 * `errors.ts`, within the timeout.
 */
export async function openEtcdStore(options: EtcdOptions): Promise<Store> {
  checkOptions(options);
  const { endpoints, log, clock = systemClock, username, password = '', timeout = DEFAULT_TIMEOUT } = options;
  const user: User | undefined = username === undefined ? undefined : { name: username, password };
  const cluster = new Cluster({ endpoints, connect: await connectorOf(options), clock, log });
  const calls = new Calls({ cluster, user, timeout, clock, log });
  const layout = new Layout(options.prefix ?? '', options.origin ?? FIRST_REVISION);
  const follow = follower({ calls, layout, clock, log });
  const store = new EtcdStore(calls, layout, follow);
  try {
    await store.start(log);
    return store;
  } catch (error) {
    cluster.close();
    throw error;
  }
}

async function connectorOf(options: EtcdOptions): ReturnType<typeof connector> {
  try {
    return await connector(options);
  } catch (cause) {
    throw new StoreFailedError('read the certificates for etcd', cause);
  }
}

function checkOptions({
  endpoints,
  prefix = '',
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
  if (!Number.isSafeInteger(origin) || origin < FIRST_REVISION) {
    throw new StoreInputError(`the origin is a revision of etcd, from ${FIRST_REVISION}, not ${origin}`);
  }
}
