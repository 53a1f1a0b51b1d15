/** What can go wrong with a store in etcd, besides what can with any (`../errors.ts`). */
import { StoreFailedError } from '../errors.ts';

/** No member of etcd answered in time, or none knew of a leader. What was asked was not done. */
export class StoreUnavailableError extends StoreFailedError {
  constructor(doing: string, cause: unknown) {
    super(doing, cause);
    this.name = 'StoreUnavailableError';
  }
}

/** etcd does not let in, or does not let do: the user, its password, its role, or the certificate. Nothing was done. */
export class StoreDeniedError extends StoreFailedError {
  constructor(doing: string, cause: unknown) {
    super(doing, cause);
    this.name = 'StoreDeniedError';
  }
}

/**
 * A write got no answer, and whether it was made could not be found out: it may have been, or may yet be. Whoever wrote has
 * to read before writing again.
 */
export class OutcomeUnknownError extends Error {
  constructor(cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`write to etcd: no answer, and whether the write was made is not known (${why})`, { cause });
    this.name = 'OutcomeUnknownError';
  }
}
