/** Whether a store in etcd is left alone: a server that runs renews Leases, and is seen by what it writes. */
import { setTimeout as pause } from 'node:timers/promises';
import { keyOf } from '../../store/mvcc/plan.ts';
import type { Revision, Store } from '../../store/store.ts';
import { UserError } from '../errors.ts';

/** Milliseconds in which a server with controllers renews its Lease several times. */
const LOOK = 3000;

export interface Quiet {
  /** Throws a {@link UserError} once somebody has written. */
  check(): void;
  /** Waits as long as it takes to be sure, as far as one can be. */
  settle(): Promise<void>;
}

/** Watches a store from a revision until the signal is aborted. */
export function watchQuiet(store: Store, from: Revision, signal: AbortSignal, look = LOOK): Quiet {
  let written: string | undefined;
  let failure: unknown;
  const seen = new AbortController();
  const follow = async () => {
    for await (const { events } of store.watch('', from, signal)) {
      const [first] = events;
      if (first === undefined) continue;
      written = keyOf(first);
      break;
    }
  };
  void follow()
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => seen.abort());
  const check = (): void => {
    if (failure !== undefined) throw failure;
    if (written === undefined) return;
    throw new UserError(
      `somebody writes to the store that is to be moved: ${written}`,
      'A server still runs on it: end every one of them, then run this again. It goes on from where it was.',
    );
  };
  return {
    check,
    settle: async () => {
      await pause(look, undefined, { signal: seen.signal }).catch(() => {});
      check();
    },
  };
}
