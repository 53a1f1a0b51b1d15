/** The embedded store: one directory, one process, and nothing lost that was answered. */
import { StoreFailedError, StoreLockedError, StoreUnfinishedError } from '../errors.ts';
import { RevisionedStore } from '../mvcc/revisioned-store.ts';
import type { Store } from '../store.ts';
import { ensureDirectory, openTables, type Tables } from './database.ts';
import { LmdbBackend } from './lmdb-backend.ts';
import { lockDirectory } from './lock.ts';
import { checkWhole, ensureLayout } from './meta.ts';

export interface LmdbOptions {
  /** The store's own directory; created where it does not exist. */
  readonly dir: string;
}

/**
 * Opens the store in a directory. Throws {@link StoreLockedError} when another process has it open,
 * {@link StoreUnfinishedError} when it is still being filled, and {@link StoreFailedError} when it cannot be opened. All files
 * are open when the promise resolves, so that the caller may then give up the right to open them.
 */
export async function openLmdbStore({ dir }: LmdbOptions): Promise<Store> {
  try {
    ensureDirectory(dir);
    const lock = lockDirectory(dir);
    try {
      return new RevisionedStore(new LmdbBackend(await openChecked(dir), lock));
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (cause) {
    if (cause instanceof StoreLockedError || cause instanceof StoreUnfinishedError) throw cause;
    throw new StoreFailedError(`open the store in ${dir}`, cause);
  }
}

async function openChecked(dir: string): Promise<Tables> {
  const tables = openTables(dir);
  try {
    await ensureLayout(tables);
    checkWhole(dir, tables);
    return tables;
  } catch (error) {
    await tables.root.close();
    throw error;
  }
}
