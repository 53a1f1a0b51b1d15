/**
 * Between the store's terms and etcd's. Keys are as they are, behind a prefix where one is given, which may stand in place
 * of what they begin with. Revisions are counted from an origin: a new etcd is at 1 before anything is written, the store at 0.
 */
import { StoreInputError } from '../errors.ts';
import { compareKeys } from '../keys.ts';
import { CompactedError, type Compare, type Entry, type Operation, type Revision, type StoreEvent } from '../store.ts';
import type { KeyRange, KeyValue, RequestOp, TxnRequest, WatchEvent } from './messages.ts';

/** What a new etcd's revision is. */
export const FIRST_REVISION = 1;

/** Where in etcd a store is. */
export interface Place {
  /** What every key begins with in etcd. */
  readonly prefix: string;
  /** What every key of the store begins with, in place of which the prefix stands. */
  readonly root: string;
}

export class Layout {
  readonly #prefix: string;
  readonly #root: string;
  /** etcd's revision that is the store's 0. Below 0 where the store was filled from one that counted further than etcd. */
  readonly #origin: number;

  constructor({ prefix, root }: Place, origin: number) {
    this.#prefix = prefix;
    this.#root = root;
    this.#origin = origin;
  }

  get root(): string {
    return this.#root;
  }

  /** A revision of the store as etcd counts. */
  outer(revision: Revision): number {
    return revision + this.#origin;
  }

  /** A revision of etcd as the store counts; what was before the origin is 0. */
  revision(outer: number): Revision {
    return Math.max(0, outer - this.#origin);
  }

  /** Throws {@link StoreInputError} for a key that does not begin as all do. */
  key(key: string): Uint8Array {
    if (!key.startsWith(this.#root))
      throw new StoreInputError(`keys of this store begin with ${this.#root}, not ${key}`);
    return Buffer.from(this.#prefix + key.slice(this.#root.length));
  }

  /** A key that may be asked for, and is not there. */
  get nothing(): Uint8Array {
    return Buffer.from(`${this.#prefix}\0`);
  }

  /** The keys that begin with a prefix, and come after a key. Undefined: none can. */
  range(prefix: string, after?: string): Required<KeyRange> | undefined {
    const whole = this.#root.startsWith(prefix);
    if (!whole && !prefix.startsWith(this.#root)) return undefined;
    const first = this.key(whole ? this.#root : prefix);
    const rangeEnd = endOf(first);
    const next = after === undefined ? first : this.#after(after);
    if (next === undefined) return undefined;
    const key = Buffer.compare(next, first) > 0 ? next : first;
    if (rangeEnd.length > 1 || rangeEnd[0] !== 0) if (Buffer.compare(key, rangeEnd) >= 0) return undefined;
    return { key: key.length === 0 ? NUL : key, rangeEnd };
  }

  entry({ key, value, createRevision, modRevision }: KeyValue): Entry {
    return {
      key: this.#root + Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8').slice(this.#prefix.length),
      // Copied: it would keep the whole message that it came in.
      value: new Uint8Array(value),
      created: this.revision(createRevision),
      modified: this.revision(modRevision),
    };
  }

  /** Throws {@link CompactedError} when what was there before has been forgotten before it was told. */
  event({ type, kv, prevKv }: WatchEvent): StoreEvent {
    const revision = this.revision(kv.modRevision);
    const previous = prevKv === null ? undefined : this.entry(prevKv);
    if (type === 'DELETE') {
      if (previous === undefined) throw new CompactedError(Math.max(0, revision - 1), revision);
      return { kind: 'delete', key: previous.key, previous, revision };
    }
    if (previous === undefined && kv.version > 1) throw new CompactedError(Math.max(0, revision - 1), revision);
    return { kind: 'put', entry: this.entry(kv), previous };
  }

  txn(compares: readonly Compare[], operations: readonly Operation[]): TxnRequest {
    return {
      compare: compares.map(({ key, modified }) => ({
        result: 'EQUAL',
        target: 'MOD',
        key: this.key(key),
        // What is older than etcd itself is not there any more; 0 would ask whether there is nothing.
        modRevision: modified === 0 ? 0 : Math.max(FIRST_REVISION, this.outer(modified)),
      })),
      success: operations.map((operation) => this.#operation(operation)),
      failure: compares.map(({ key }) => ({ requestRange: { key: this.key(key) } })),
    };
  }

  /** Where keys after one begin, whether it is of this store or not. Undefined: none come after it. */
  #after(key: string): Uint8Array | undefined {
    if (key.startsWith(this.#root)) return keyAfter(this.key(key));
    return compareKeys(key, this.#root) < 0 ? this.key(this.#root) : undefined;
  }

  #operation(operation: Operation): RequestOp {
    const key = this.key(operation.key);
    if (operation.kind === 'delete') return { requestDeleteRange: { key } };
    // A copy, because the caller may reuse its buffer while the write waits for its turn.
    return { requestPut: { key, value: new Uint8Array(operation.value) } };
  }
}

const NUL = Buffer.from([0]);

/** The end of the keys that begin with some bytes of UTF-8, in which 0xff does not occur; of all keys, a NUL. */
function endOf(prefix: Uint8Array): Uint8Array {
  if (prefix.length === 0) return NUL;
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}

function keyAfter(key: Uint8Array): Uint8Array {
  return Buffer.concat([key, NUL]);
}
