/** The store over any {@link Backend}: checks what it is asked, groups writes, and tells watchers. */
import { FutureRevisionError, StoreClosedError, StoreInputError } from '../errors.ts';
import { checkKey, checkRevision, checkText, checkTxn } from '../limits.ts';
import {
  CompactedError,
  type Compare,
  type Entry,
  type ListOptions,
  type ListResult,
  type Operation,
  type Revision,
  type Store,
  type TxnResult,
  type WatchBatch,
} from '../store.ts';
import type { Backend } from './backend.ts';
import { WatchHub } from './watch.ts';
import { GroupWriter } from './writer.ts';

export class RevisionedStore implements Store {
  readonly #backend: Backend;
  readonly #hub: WatchHub;
  readonly #writer: GroupWriter;
  #compacting: Promise<void> = Promise.resolve();
  #reading = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#hub = new WatchHub(backend);
    this.#writer = new GroupWriter(backend, (changes) => this.#hub.publish(changes));
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return this.#backend.revision();
  }

  async get(key: string, revision?: Revision): Promise<Entry | undefined> {
    this.#checkOpen();
    checkKey(key);
    return this.#backend.at(key, this.#readable(revision));
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#checkOpen();
    checkText(prefix);
    checkText(options.after ?? '');
    const { limit } = options;
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1)) {
      throw new StoreInputError(`the limit of a list is a whole number from 1, not ${limit}`);
    }
    const list = this.#backend.list(prefix, { ...options, revision: this.#readable(options.revision) });
    this.#reading.add(list);
    try {
      return await list;
    } finally {
      this.#reading.delete(list);
    }
  }

  async txn(compares: readonly Compare[], operations: readonly Operation[]): Promise<TxnResult> {
    this.#checkOpen();
    checkTxn(compares, operations);
    // Copied, because the caller may reuse its buffers while the write waits for its turn.
    const own = operations.map((op) => (op.kind === 'put' ? { ...op, value: new Uint8Array(op.value) } : { ...op }));
    return this.#writer.write({ compares: compares.map((compare) => ({ ...compare })), operations: own });
  }

  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    this.#checkOpen();
    checkText(prefix);
    checkRevision(from);
    return this.#hub.watch(prefix, from, signal);
  }

  async compact(revision: Revision): Promise<void> {
    this.#checkOpen();
    checkRevision(revision);
    const newest = this.#backend.revision();
    if (revision > newest) throw new FutureRevisionError(revision, newest);
    const mine = this.#compacting.then(async () => {
      if (revision > this.#backend.compacted()) await this.#backend.compact(revision);
    });
    // One that failed has told its own caller; the next starts afresh.
    this.#compacting = mine.catch(() => {});
    await mine;
  }

  relax(): void {
    if (this.#closing === undefined) this.#backend.relax();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#hub.close();
    await this.#writer.close();
    await this.#compacting;
    await Promise.allSettled(this.#reading);
    await this.#backend.close();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new StoreClosedError();
  }

  /**
   * The revision to read at. Without one it is the newest that is known to be safe: the database may already show the
   * next, whose writer has not been answered.
   */
  #readable(revision = this.#backend.revision()): Revision {
    checkRevision(revision);
    const newest = this.#backend.revision();
    const compacted = this.#backend.compacted();
    if (revision > newest) throw new FutureRevisionError(revision, newest);
    if (revision < compacted) throw new CompactedError(revision, compacted);
    return revision;
  }
}
