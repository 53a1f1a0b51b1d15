/** The packet filter as transactions of data: what components change, and what tests put in its place. */
import type { CountingElement, Element, NamedSet, TableName, Transaction } from './model.ts';

export interface Netfilter {
  /** All of it takes effect at one moment, or none: then it throws {@link TransactionError}. */
  apply(transaction: Transaction): Promise<void>;
  /** The number of rules of each chain that has any; none when there is no such table. Cheap, however many elements. */
  inspect(table: TableName): Promise<ReadonlyMap<string, number>>;
  /**
   * What a set of a table holds, some at a time; none when there is no such set. Counters and times are left out;
   * keys are as `canonicalKey` has them.
   */
  elements(table: TableName, set: NamedSet): AsyncIterable<readonly Element[]>;
  /** The elements of a set that packets count in, with what they counted, in the same way. */
  counters(table: TableName, set: NamedSet): AsyncIterable<readonly CountingElement[]>;
}

/** A transaction that was refused; `cause` says why. Nothing of it took effect. */
export class TransactionError extends Error {
  // Not a plain property: logs print all of those, and there can be 100,000 operations.
  readonly #transaction: Transaction;

  constructor(message: string, transaction: Transaction, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TransactionError';
    this.#transaction = transaction;
  }

  get transaction(): Transaction {
    return this.#transaction;
  }
}
