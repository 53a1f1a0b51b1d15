/**
 * What differs between the embedded stores: where current entries, past ones and the log of changes are kept.
 * {@link RevisionedStore} does the rest, once for all of them.
 */
import type { Entry, ListOptions, ListResult, Revision, StoreEvent } from '../store.ts';

/** What one revision changed. Revisions are consecutive: each has exactly one change. */
export interface Change {
  readonly revision: Revision;
  readonly events: readonly StoreEvent[];
}

export type ListAt = ListOptions & { readonly revision: Revision };

export interface Backend {
  /** Revision of the newest write that is kept. */
  revision(): Revision;

  /** History before this revision is gone. */
  compacted(): Revision;

  /** The entry of a key as of now. Synchronous, because a transaction is decided between two commits. */
  current(key: string): Entry | undefined;

  /** The entry of a key as of a revision from {@link compacted} to {@link revision}. */
  at(key: string, revision: Revision): Entry | undefined;

  /** As {@link Store.list}, for checked arguments; what is compacted meanwhile does not show. */
  list(prefix: string, options: ListAt): Promise<ListResult>;

  /**
   * The changes after `revision`, which is not before {@link compacted}, in order. Read as the caller goes on, which is
   * within one turn of the event loop.
   */
  history(revision: Revision): Iterable<Change>;

  /** Keeps all of the changes, which follow {@link revision}, or none. Resolves when they are safe. Never called twice at once. */
  commit(changes: readonly Change[]): Promise<void>;

  /** Forgets history before a revision from {@link compacted} to {@link revision}. */
  compact(revision: Revision): Promise<void>;

  /** As {@link Store.relax}; never called once it is closed. */
  relax(): void;

  close(): Promise<void>;
}
