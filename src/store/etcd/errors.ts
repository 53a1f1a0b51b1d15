/** What can go wrong with a store in etcd, besides what can with any (`../errors.ts`). */
import { StoreFailedError, StoreFullError, StoreLimitError } from '../errors.ts';
import type { Compare, Operation } from '../store.ts';
import type { CallError } from './failure.ts';

/** etcd's limits unless it is told others: --max-request-bytes and --max-txn-ops. */
const DEFAULT_REQUEST_BYTES = 1.5 * 1024 * 1024;
const DEFAULT_TXN_OPERATIONS = 128;

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

/** A write that was too much for etcd, in the store's terms. */
export function limitError(
  { kind }: CallError,
  compares: readonly Compare[],
  operations: readonly Operation[],
): StoreLimitError | undefined {
  if (kind === 'too-many-operations') {
    const parts = Math.max(compares.length, operations.length);
    return new StoreLimitError('parts of a transaction for etcd (its --max-txn-ops)', parts, DEFAULT_TXN_OPERATIONS);
  }
  if (kind !== 'too-large') return undefined;
  const bytes = operations.reduce(
    (sum, operation) =>
      sum + Buffer.byteLength(operation.key) + (operation.kind === 'put' ? operation.value.length : 0),
    0,
  );
  return new StoreLimitError('bytes of a transaction for etcd (its --max-request-bytes)', bytes, DEFAULT_REQUEST_BYTES);
}

/** https://etcd.io/docs/v3.5/op-guide/maintenance/#space-quota */
const MAKE_ROOM = [
  'etcd has used up its quota, and writes nothing until it is told that there is room: etcdctl compact REVISION',
  'etcdctl defrag at each member, then etcdctl alarm disarm; or give it more: --quota-backend-bytes',
].join(', ');

/** A write that etcd turned down, in the store's terms. */
export function writeError(error: CallError): StoreFailedError {
  if (error.kind === 'full') return new StoreFullError('write to etcd', error, MAKE_ROOM);
  return new StoreFailedError('write to etcd', error);
}
