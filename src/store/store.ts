/**
 * The store: keys with values at revisions, and watches from a revision. It holds bytes and knows no kind. The shape is
 * that of etcd's API (https://etcd.io/docs/v3.5/learning/api/), cut to what an API server needs, so that an embedded
 * store and an etcd cluster are interchangeable. `contract.ts` beside this file is what every implementation passes.
 *
 * Keys are text that orders by UTF-8 bytes. Every write that succeeds gets a new revision, one higher than the last
 * write of the whole store; a transaction's operations share one.
 */

/** Position in the store's history. 0 is before the first write. */
export type Revision = number;

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the write that made the key come into being. */
  readonly created: Revision;
  /** Revision of the write that gave it this value. */
  readonly modified: Revision;
}

/** Holds when the key was last modified at `modified`; 0 means the key does not exist. */
export interface Compare {
  readonly key: string;
  readonly modified: Revision;
}

export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string };

export type TxnResult =
  | { readonly ok: true; readonly revision: Revision }
  /** Nothing was written. `current` has, for each compare in its order, the key as it is. */
  | { readonly ok: false; readonly current: readonly (Entry | undefined)[] };

export interface ListOptions {
  /** Read as of this revision; default: now. */
  readonly revision?: Revision;
  /** At most this many entries; default: all. */
  readonly limit?: number;
  /** Only keys after this one. */
  readonly after?: string;
}

export interface ListResult {
  readonly entries: readonly Entry[];
  /** The revision that the entries are of. */
  readonly revision: Revision;
  /** How many more keys there are beyond `limit`. */
  readonly remaining: number;
}

export type StoreEvent =
  | { readonly kind: 'put'; readonly entry: Entry; readonly previous: Entry | undefined }
  /** `revision` is that of the delete. */
  | { readonly kind: 'delete'; readonly key: string; readonly previous: Entry; readonly revision: Revision };

/** The changes of one revision or several, in order. `revision`: everything up to it has been told. */
export interface WatchBatch {
  readonly events: readonly StoreEvent[];
  readonly revision: Revision;
}

/** The revision that was asked for has been compacted away. */
export class CompactedError extends Error {
  readonly asked: Revision;
  /** The oldest revision that can still be read. */
  readonly oldest: Revision;

  constructor(asked: Revision, oldest: Revision) {
    super(`revision ${asked} has been compacted; the oldest that is kept is ${oldest}`);
    this.name = 'CompactedError';
    this.asked = asked;
    this.oldest = oldest;
  }
}

export interface Store {
  /** Revision of the newest write. */
  revision(): Promise<Revision>;

  /** The entry of a key, now or as of `revision`. Throws {@link CompactedError}. */
  get(key: string, revision?: Revision): Promise<Entry | undefined>;

  /** The entries whose keys begin with `prefix`, in key order. Throws {@link CompactedError}. */
  list(prefix: string, options?: ListOptions): Promise<ListResult>;

  /**
   * Applies the operations, all or none, if every compare holds. Once the promise has resolved with `ok`, the write
   * survives the end of this process and of the machine. Deleting a key that does not exist changes nothing.
   */
  txn(compares: readonly Compare[], operations: readonly Operation[]): Promise<TxnResult>;

  /**
   * Changes to keys that begin with `prefix`, after revision `from`, without a gap: first those already made, then those
   * to come, until the signal is aborted, which ends the iteration. Throws {@link CompactedError} when history from
   * there is gone, including when a reader is so slow that it falls behind compaction or the buffer's bound.
   */
  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch>;

  /** Forgets history before `revision`; current values stay. */
  compact(revision: Revision): Promise<void>;

  /**
   * Gives back memory that holds nothing but what can be read again, for some milliseconds of the caller's time. Nothing else
   * changes.
   */
  relax(): void;

  /** Ends every watch and releases files. */
  close(): Promise<void>;
}
