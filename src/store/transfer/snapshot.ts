/** All that a store holds, as of one revision: what is backed up, moved and compared. */
import type { Entry, Revision, Store } from '../store.ts';

/** Entries read at a time; their bytes are bounded by those of a value. */
const PAGE_ENTRIES = 250;

export interface Snapshot {
  /** The revision that everything is of. */
  readonly revision: Revision;
  /** Every entry, in the order of keys. May be read any number of times. */
  pages(): AsyncIterable<readonly Entry[]>;
}

/**
 * What a store holds now, read a page at a time, whatever is written meanwhile. Throws `CompactedError` when it takes so
 * long that the history is gone. `isObject` says which keys count; default: all.
 */
export async function snapshotOf(store: Store, isObject: (key: string) => boolean = () => true): Promise<Snapshot> {
  const revision = await store.revision();
  return { revision, pages: () => pagesOf(store, revision, isObject) };
}

async function* pagesOf(
  store: Store,
  revision: Revision,
  isObject: (key: string) => boolean,
): AsyncGenerator<readonly Entry[], void, undefined> {
  let after: string | undefined;
  for (;;) {
    const page = await store.list('', { revision, limit: PAGE_ENTRIES, ...(after !== undefined && { after }) });
    after = page.entries.at(-1)?.key;
    const entries = page.entries.filter(({ key }) => isObject(key));
    if (entries.length > 0) yield entries;
    if (page.remaining === 0) return;
  }
}
