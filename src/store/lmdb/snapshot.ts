/** What a store in LMDB holds, read by another process than the one that has it open, which goes on meanwhile. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import { StoreFailedError, StoreUnfinishedError } from '../errors.ts';
import type { Entry } from '../store.ts';
import type { Snapshot } from '../transfer/snapshot.ts';
import { DATA_FILE, openTablesToRead, type Tables } from './database.ts';
import { lockDirectory } from './lock.ts';
import { checkLayout, checkWhole, REVISION_KEY } from './meta.ts';
import { decodeEntry, decodeKey, decodeRevision } from './records.ts';

const PAGE_ENTRIES = 250;
const PAGE_BYTES = 4 * 1024 * 1024;

export interface LmdbSnapshot extends Snapshot {
  close(): Promise<void>;
}

export interface LmdbSnapshotOptions {
  readonly dir: string;
  /** Whether nobody may have the store open, from now until the snapshot is closed. */
  readonly alone: boolean;
}

/**
 * The store as it is now. Its pages on disk stay until the snapshot is closed, so that the file grows by what is written
 * meanwhile. Throws `StoreLockedError` where it is to be alone and is not, {@link StoreUnfinishedError} for a store that is not whole,
 * and {@link StoreFailedError} when it cannot be read.
 */
export async function openLmdbSnapshot({ dir, alone }: LmdbSnapshotOptions): Promise<LmdbSnapshot> {
  const doing = `read the store in ${dir}`;
  if (!existsSync(join(dir, DATA_FILE))) throw new StoreFailedError(doing, `there is no ${DATA_FILE}`);
  const lock = alone ? lockDirectory(dir) : undefined;
  try {
    return await openReading(dir, () => lock?.release());
  } catch (cause) {
    lock?.release();
    if (cause instanceof StoreUnfinishedError) throw cause;
    throw new StoreFailedError(doing, cause);
  }
}

async function openReading(dir: string, release: () => void): Promise<LmdbSnapshot> {
  const tables = openTablesToRead(dir);
  try {
    checkLayout(tables);
    checkWhole(dir, tables);
    return new Reading(tables, release);
  } catch (error) {
    await tables.root.close();
    throw error;
  }
}

class Reading implements LmdbSnapshot {
  readonly revision: number;
  readonly #tables: Tables;
  readonly #transaction: Transaction;
  readonly #release: () => void;

  constructor(tables: Tables, release: () => void) {
    this.#tables = tables;
    this.#release = release;
    this.#transaction = tables.root.useReadTransaction();
    const revision = tables.meta.get(REVISION_KEY, { transaction: this.#transaction });
    this.revision = revision === undefined ? 0 : decodeRevision(revision);
  }

  async *pages(): AsyncGenerator<readonly Entry[], void, undefined> {
    for (let start: Buffer | undefined; ; await nextTurn()) {
      const { entries, last, complete } = this.#page(start);
      if (entries.length > 0) yield entries;
      if (complete || last === undefined) return;
      start = Buffer.concat([last, Buffer.of(0)]);
    }
  }

  async close(): Promise<void> {
    this.#transaction.done();
    await this.#tables.root.close();
    this.#release();
  }

  #page(start: Buffer | undefined) {
    const entries: Entry[] = [];
    let bytes = 0;
    let last: Buffer | undefined;
    const range = { ...(start && { start }), transaction: this.#transaction };
    for (const { key, value } of this.#tables.current.getRange(range)) {
      // Copied: the bytes are the file's own, which are others once the snapshot is closed.
      entries.push(decodeEntry(decodeKey(key), Uint8Array.from(value)));
      bytes += value.length;
      last = Buffer.from(key);
      if (entries.length >= PAGE_ENTRIES || bytes >= PAGE_BYTES) return { entries, last, complete: false };
    }
    return { entries, last, complete: true };
  }
}
