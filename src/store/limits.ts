/** What every store accepts, checked before anything is queued, so that all implementations refuse the same. */
import { StoreInputError, StoreLimitError } from './errors.ts';
import type { Compare, Operation, Revision } from './store.ts';

/** Bytes of a value. etcd refuses requests over 1.5 MiB by default, and Kubernetes' users know that limit. */
export const VALUE_LIMIT = 1.5 * 1024 * 1024;

/** Bytes of a key. The longest that Kubernetes can make, of a custom resource, has about 650. */
export const KEY_LIMIT = 1024;

/** Compares, and operations, of one transaction. */
export const OPERATIONS_LIMIT = 1024;

/** Throws {@link StoreInputError} for a key that cannot be kept. */
export function checkKey(key: string): void {
  if (key === '') throw new StoreInputError('the empty text is not a key');
  checkText(key);
  const size = Buffer.byteLength(key);
  if (size > KEY_LIMIT) throw new StoreLimitError(`bytes of key ${JSON.stringify(key.slice(0, 60))}…`, size, KEY_LIMIT);
}

/** Throws {@link StoreInputError} for text that can be neither a key nor the beginning of one. */
export function checkText(text: string): void {
  // NUL ends a key in the LMDB layout; a lone surrogate has no UTF-8.
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new StoreInputError(`keys are Unicode text without NUL, not ${JSON.stringify(text)}`);
  }
}

/** Throws {@link StoreInputError} for anything that cannot be a revision. */
export function checkRevision(revision: Revision): void {
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw new StoreInputError(`a revision is a whole number from 0, not ${revision}`);
  }
}

/** Throws {@link StoreInputError} for a transaction that cannot be made, whatever the store holds. */
export function checkTxn(compares: readonly Compare[], operations: readonly Operation[]): void {
  for (const list of [compares, operations]) {
    if (list.length > OPERATIONS_LIMIT)
      throw new StoreLimitError('parts of a transaction', list.length, OPERATIONS_LIMIT);
  }
  for (const compare of compares) {
    checkKey(compare.key);
    checkRevision(compare.modified);
  }
  const seen = new Set<string>();
  for (const operation of operations) {
    checkKey(operation.key);
    if (seen.has(operation.key)) throw new StoreInputError(`one transaction writes key ${operation.key} twice`);
    seen.add(operation.key);
    if (operation.kind === 'put' && operation.value.length > VALUE_LIMIT) {
      throw new StoreLimitError(`bytes of the value of ${operation.key}`, operation.value.length, VALUE_LIMIT);
    }
  }
}
