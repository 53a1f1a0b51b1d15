/** Keeping something in memory in step with a part of the store. */

import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { CompactedError, type Entry, type Revision, type Store, type StoreEvent } from '../../store/store.ts';
import { faultFields } from '../outages.ts';

/** How long is waited after a store could not be followed. */
const AGAIN = seconds(1);

/** What follows: told of all that there is, then of each change. */
export interface Follower {
  /** `revision` is what the entries are of. */
  reset(entries: readonly Entry[], revision: Revision): void;
  apply(event: StoreEvent): void;
  /** Everything up to this revision has been told. */
  reached?(revision: Revision): void;
}

/** Reads what is under `prefix`, and follows it until the signal is aborted. Resolves when all has been read once. */
export async function follow(
  { store, clock, log }: { readonly store: Store; readonly clock: Clock; readonly log: Logger },
  prefix: string,
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  const read = async () => {
    const { entries, revision } = await store.list(prefix);
    follower.reset(entries, revision);
    follower.reached?.(revision);
    return revision;
  };
  const keepUp = async (from: number | undefined): Promise<void> => {
    let revision = from;
    while (!signal.aborted) {
      try {
        revision ??= await read();
        for await (const batch of store.watch(prefix, revision, signal)) {
          for (const event of batch.events) follower.apply(event);
          revision = batch.revision;
          follower.reached?.(revision);
        }
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof CompactedError) revision = undefined;
        else log.warn({ ...faultFields(err), prefix }, 'cannot follow the store; trying again');
      }
      await clock.sleep(AGAIN, signal).catch(() => {}); // The loop looks at the signal.
    }
  };
  void keepUp(await read());
}
