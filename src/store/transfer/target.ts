/** A store that is being filled with what another has. Nobody else can use it before it is whole. */
import type { Entry, Revision } from '../store.ts';

/** What fills a store, and how far the revisions of the other had come. */
export interface Filling {
  /** In words that name the one source, such as `backup 7c9e…`. */
  readonly from: string;
  /** The store's revisions go on from here: no object gets a lower one than it had. */
  readonly revision: Revision;
}

export interface Target {
  /** Whether entries keep the revisions that they were made and modified at. */
  readonly keepsRevisions: boolean;
  /** What is there already, of an attempt that was cut short: at most `limit` entries after a key, in order. */
  list(after: string | undefined, limit: number): Promise<readonly Entry[]>;
  /** On disk when it resolves. Nothing depends on the parts of one call being written at once. */
  write(puts: readonly Entry[], deletes: readonly string[]): Promise<void>;
  /** The store is whole, and may be opened. Answers its revision. */
  finish(): Promise<Revision>;
  close(): Promise<void>;
}
