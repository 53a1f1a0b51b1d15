/** Whole stores out of etcd and into it. */
import { StoreFailedError, StoreOccupiedError } from '../errors.ts';
import type { Entry, Operation, Revision, Store } from '../store.ts';
import { chunksOf } from '../transfer/chunks.ts';
import { type Snapshot, snapshotOf } from '../transfer/snapshot.ts';
import type { Filling, Target } from '../transfer/target.ts';
import { OutcomeUnknownError, StoreUnavailableError } from './errors.ts';
import { asStore, type EtcdOptions, type ReachedEtcd, reachEtcd } from './etcd-store.ts';
import { FIRST_REVISION, Layout, type Place } from './layout.ts';
import { encodeMark, isOurs, type Mark, markKey } from './mark.ts';

/** How often a part is written again while etcd changes its leader: that changes nothing but revisions. */
const ATTEMPTS = 5;

/** What a store that {@link openEtcdStore} has opened holds now, without the mark. */
export function etcdSnapshot(store: Store, options: Pick<EtcdOptions, 'prefix' | 'root'>): Promise<Snapshot> {
  const place: Place = { prefix: options.prefix ?? '', root: options.root ?? '' };
  return snapshotOf(store, (key) => !isOurs(key, place));
}

/**
 * Opens an etcd to fill it, where it is empty under the prefix or an attempt of the same source was cut short. Throws
 * {@link StoreOccupiedError} when it holds something else, and as `openEtcdStore` does.
 */
export async function openEtcdTarget(options: EtcdOptions, filling: Filling): Promise<Target> {
  const etcd = await reachEtcd(options);
  return etcd.closedOnFailure(async () => {
    const mark = (await etcd.mark()) ?? (await begin(etcd, filling));
    if (mark.filling !== filling.from) throw occupied(mark);
    return new EtcdTarget(etcd, mark, await etcd.openStore(mark.origin, filling.revision));
  });
}

/** Marks an empty place. */
async function begin({ calls, place }: ReachedEtcd, { from, revision }: Filling): Promise<Mark> {
  const everything = new Layout(place, FIRST_REVISION).range('');
  const { header, count } = await asStore('read', () =>
    calls.read('Range', { ...everything, countOnly: true, key: everything?.key ?? new Uint8Array() }),
  );
  if (count > 0) throw new StoreOccupiedError(describe(place), `${count} keys are there`);
  // Where etcd has come further than the other store, its own count will do; else it is taken to be as far.
  const mark = { origin: Math.min(FIRST_REVISION, header.revision - revision), oldest: 0, filling: from };
  const request = {
    compare: [{ result: 'EQUAL', target: 'MOD', key: markKey(place), modRevision: 0 }],
    success: [{ requestPut: { key: markKey(place), value: encodeMark(mark) } }],
    failure: [],
  } as const;
  const { succeeded } = await asStore('write', () => calls.write(request));
  if (!succeeded) throw new StoreOccupiedError(describe(place), 'somebody else has just begun to fill it');
  return mark;
}

function occupied({ filling }: Mark): StoreOccupiedError {
  return new StoreOccupiedError(
    'etcd',
    filling === undefined ? 'it was filled before, and is whole' : `it is being filled with ${filling}`,
  );
}

function describe({ prefix }: Place): string {
  return prefix === '' ? 'etcd' : `etcd under ${prefix}`;
}

class EtcdTarget implements Target {
  readonly keepsRevisions = false;
  readonly #etcd: ReachedEtcd;
  readonly #mark: Mark;
  readonly #store: Store;

  constructor(etcd: ReachedEtcd, mark: Mark, store: Store) {
    this.#etcd = etcd;
    this.#mark = mark;
    this.#store = store;
  }

  async list(after: string | undefined, limit: number): Promise<readonly Entry[]> {
    // One more, as one may be the mark.
    const { entries } = await this.#store.list('', { limit: limit + 1, ...(after !== undefined && { after }) });
    return entries.filter(({ key }) => !isOurs(key, this.#etcd.place)).slice(0, limit);
  }

  async write(puts: readonly Entry[], deletes: readonly string[]): Promise<void> {
    const operations: readonly Operation[] = [
      ...puts.map(({ key, value }) => ({ kind: 'put', key, value }) as const),
      ...deletes.map((key) => ({ kind: 'delete', key }) as const),
    ];
    for (const chunk of chunksOf(operations)) await persist(() => this.#store.txn([], chunk));
  }

  async finish(): Promise<Revision> {
    const { calls, place } = this.#etcd;
    const oldest = await this.#store.revision();
    const value = encodeMark({ ...this.#mark, oldest, filling: undefined });
    const put = { compare: [], success: [{ requestPut: { key: markKey(place), value } }], failure: [] };
    await persist(() => asStore('write', () => calls.write(put)));
    return this.#store.revision();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

/** Does what may be done any number of times, until it is known to be done. */
async function persist(write: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await write();
      return;
    } catch (error) {
      const passes = error instanceof OutcomeUnknownError || error instanceof StoreUnavailableError || isLost(error);
      if (!passes || attempt === ATTEMPTS) throw error;
    }
  }
}

function isLost(error: unknown): boolean {
  return (
    error instanceof StoreFailedError &&
    error.cause instanceof Error &&
    'kind' in error.cause &&
    error.cause.kind === 'lost'
  );
}
