/** What a person can do about what a store refuses. */
import { StoreLockedError, StoreOccupiedError } from '../../store/errors.ts';
import { CompactedError } from '../../store/store.ts';
import { UserError } from '../errors.ts';
import { describe, type End } from './ends.ts';

/** Runs `work`; of what it throws about the store that is filled, or read, says what to do. */
export async function withRemedies<T>(ends: { from?: End; to?: End }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw explained(ends, cause);
  }
}

function explained({ to }: { from?: End; to?: End }, cause: unknown): unknown {
  if (cause instanceof StoreOccupiedError && to !== undefined) {
    return new UserError(`${describe(to)} is not empty; nothing was written: ${cause.message}`, emptyIt(to), { cause });
  }
  if (cause instanceof StoreLockedError) {
    return new UserError(cause.message, 'End the server that uses it: kill -TERM PID, or systemctl stop.', { cause });
  }
  if (cause instanceof CompactedError) {
    return new UserError(
      'the store has forgotten its history while it was read: reading took more than five minutes',
      'Run it again, nearer to the store or when it has less to do.',
      { cause },
    );
  }
  return cause;
}

function emptyIt({ plan }: End): string {
  return plan.kind === 'lmdb'
    ? 'Choose another --data-dir. Or, if nobody needs what is there: delete that directory.'
    : `Choose another --etcd-prefix. Or, if nobody needs what is there: etcdctl del --prefix ${plan.options.prefix ?? '/registry/'}`;
}
