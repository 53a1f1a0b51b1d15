/** A store in LMDB that is being filled with what another has. */
import { StoreFailedError, StoreLockedError, StoreOccupiedError } from '../errors.ts';
import type { Entry, Revision } from '../store.ts';
import type { Filling, Target } from '../transfer/target.ts';
import { commitBatch, ensureDirectory, openTables, type Tables } from './database.ts';
import { type Lock, lockDirectory } from './lock.ts';
import { COMPACTED_KEY, FILLING_KEY, markLayout, REVISION_KEY, readMeta } from './meta.ts';
import { decodeEntry, decodeKey, encodeEntry, encodeKey, encodeRevision } from './records.ts';

/**
 * Opens the store in a directory to fill it, where it is new or an attempt of the same source was cut short. Throws
 * {@link StoreOccupiedError} when it holds something else, {@link StoreLockedError} when somebody has it open.
 */
export async function openLmdbTarget(dir: string, filling: Filling): Promise<Target> {
  try {
    ensureDirectory(dir);
    const lock = lockDirectory(dir);
    try {
      return await open(dir, lock, filling);
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (cause) {
    if (cause instanceof StoreLockedError || cause instanceof StoreOccupiedError) throw cause;
    throw new StoreFailedError(`fill the store in ${dir}`, cause);
  }
}

async function open(dir: string, lock: Lock, filling: Filling): Promise<Target> {
  const tables = openTables(dir);
  try {
    const begun = tables.meta.get(FILLING_KEY);
    if (begun === undefined) await begin(dir, tables, filling);
    else if (decodeKey(begun) !== filling.from) {
      throw new StoreOccupiedError(dir, `it is being filled with ${decodeKey(begun)}`);
    }
    return new LmdbTarget(tables, lock, filling.revision);
  } catch (error) {
    await tables.root.close();
    throw error;
  }
}

async function begin(dir: string, tables: Tables, { from }: Filling): Promise<void> {
  const revision = readMeta(tables, REVISION_KEY);
  if (revision > 0) throw new StoreOccupiedError(dir, `it is at revision ${revision}`);
  await commitBatch(tables, () => {
    markLayout(tables);
    tables.meta.put(FILLING_KEY, encodeKey(from));
  });
}

class LmdbTarget implements Target {
  readonly keepsRevisions = true;
  readonly #tables: Tables;
  readonly #lock: Lock;
  readonly #revision: Revision;

  constructor(tables: Tables, lock: Lock, revision: Revision) {
    this.#tables = tables;
    this.#lock = lock;
    this.#revision = revision;
  }

  async list(after: string | undefined, limit: number): Promise<readonly Entry[]> {
    const start = after === undefined ? {} : { start: Buffer.concat([encodeKey(after), Buffer.of(0)]) };
    return Array.from(this.#tables.current.getRange({ ...start, limit }), ({ key, value }) =>
      decodeEntry(decodeKey(key), Uint8Array.from(value)),
    );
  }

  write(puts: readonly Entry[], deletes: readonly string[]): Promise<void> {
    return commitBatch(this.#tables, () => {
      for (const entry of puts) this.#tables.current.put(encodeKey(entry.key), encodeEntry(entry));
      for (const key of deletes) this.#tables.current.remove(encodeKey(key));
    });
  }

  /** There is no history: who asks for any has to list anew. */
  async finish(): Promise<Revision> {
    const revision = encodeRevision(this.#revision);
    await commitBatch(this.#tables, () => {
      this.#tables.meta.put(REVISION_KEY, revision);
      this.#tables.meta.put(COMPACTED_KEY, revision);
      this.#tables.meta.remove(FILLING_KEY);
    });
    return this.#revision;
  }

  async close(): Promise<void> {
    await this.#tables.root.close();
    this.#lock.release();
  }
}
