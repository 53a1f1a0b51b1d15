/** Forgetting history, so that only those learn of it who are behind. */
import { FutureRevisionError, StoreFailedError } from '../errors.ts';
import type { Operation, Revision } from '../store.ts';
import type { Calls } from './calls.ts';
import { OutcomeUnknownError } from './errors.ts';
import { CallError } from './failure.ts';
import type { Layout } from './layout.ts';
import { progressKey } from './mark.ts';
import type { EtcdWatches } from './watches.ts';

/** Milliseconds in which what is compacted is to have reached the watchers. */
const SETTLE_TIMEOUT = 1000;

export interface CompactionParts {
  readonly calls: Calls;
  readonly layout: Layout;
  readonly watches: EtcdWatches;
  /** Throws as {@link Store.txn}. */
  readonly write: (operation: Operation) => Promise<unknown>;
}

/** As {@link Store.compact}, for a revision of which there is history. */
export async function compactEtcd(parts: CompactionParts, revision: Revision): Promise<void> {
  const { calls, layout, watches } = parts;
  try {
    await calls.read('Compact', { revision: layout.outer(revision) });
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (error.kind === 'future') throw new FutureRevisionError(revision, await newest(parts));
    // Already: by another server, or by an attempt whose answer was lost.
    if (error.kind === 'compacted') return;
    throw new StoreFailedError('compact etcd', error);
  }
  await watches.reached(revision, SETTLE_TIMEOUT);
  if (watches.newest < revision) {
    await showProgress(parts, revision);
    await watches.reached(revision, SETTLE_TIMEOUT);
  }
  watches.forget(revision);
}

async function newest({ calls, layout }: CompactionParts): Promise<Revision> {
  const { header } = await calls.read('Range', { key: layout.nothing, countOnly: true });
  return layout.revision(header.revision);
}

/**
 * Where others than the store have used up the revisions until then, nothing has told its watchers: they would be taken for
 * slow. A key of the store that is written tells them. etcd could be asked for its progress, but before 3.4.31 and 3.5.13 what
 * it answers may overtake changes.
 */
async function showProgress({ layout, write }: CompactionParts, revision: Revision): Promise<void> {
  try {
    await write({ kind: 'put', key: progressKey(layout), value: Buffer.from(String(revision)) });
  } catch (error) {
    // It is tried again with the next compaction; until then they list anew.
    if (!(error instanceof StoreFailedError || error instanceof OutcomeUnknownError)) throw error;
  }
}
