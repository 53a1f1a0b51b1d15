/**
 * Group commit: transactions that arrive while the disk is busy are decided together and share the next commit, so that
 * a hundred concurrent writers pay for one sync and not for a hundred.
 */
import { StoreClosedError, StoreFailedError } from '../errors.ts';
import type { TxnResult } from '../store.ts';
import type { Backend, Change } from './backend.ts';
import { plan, type Txn } from './plan.ts';

/** Bounds of one group, so that deciding and writing it never holds up the event loop for long. */
const GROUP_TXNS = 256;
const GROUP_BYTES = 4 * 1024 * 1024;

interface Request extends Txn {
  readonly bytes: number;
  readonly resolve: (result: TxnResult) => void;
  readonly reject: (error: Error) => void;
}

export class GroupWriter {
  readonly #backend: Backend;
  readonly #committed: (changes: readonly Change[]) => void;
  #queue: Request[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  /** `committed` is told every change once it is safe, in order, before the transaction is answered. */
  constructor(backend: Backend, committed: (changes: readonly Change[]) => void) {
    this.#backend = backend;
    this.#committed = committed;
  }

  /** The answer comes once the write is safe. Throws {@link StoreFailedError} when it could not be made so. */
  write(txn: Txn): Promise<TxnResult> {
    if (this.#closed) return Promise.reject(new StoreClosedError());
    return new Promise((resolve, reject) => {
      const bytes = txn.operations.reduce((sum, op) => sum + (op.kind === 'put' ? op.value.length : 0), 0);
      this.#queue.push({ ...txn, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Refuses further writes and waits for those already taken. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Everyone who writes in this turn of the event loop joins the first group.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#writeGroup(this.#takeGroup());
    this.#running = undefined;
  }

  #takeGroup(): Request[] {
    let bytes = 0;
    let count = 0;
    for (const request of this.#queue) {
      bytes += request.bytes;
      if (count > 0 && (count >= GROUP_TXNS || bytes > GROUP_BYTES)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #writeGroup(group: readonly Request[]): Promise<void> {
    try {
      const { changes, results } = plan(group, this.#backend.revision(), (key) => this.#backend.current(key));
      if (changes.length > 0) {
        await this.#backend.commit(changes);
        this.#committed(changes);
      }
      for (const [i, result] of results.entries()) group[i]?.resolve(result);
    } catch (cause) {
      // Those whose compare failed may have lost against a write of this very group: nobody has an answer.
      const error = cause instanceof StoreFailedError ? cause : new StoreFailedError('write to the store', cause);
      for (const request of group) request.reject(error);
    }
  }
}
