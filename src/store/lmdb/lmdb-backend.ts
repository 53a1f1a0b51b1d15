/** Current entries, past ones and the log in LMDB; see `records.ts` for the layout. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { releasePages } from '../../host/memory.ts';
import type { Backend, Change, ListAt } from '../mvcc/backend.ts';
import { keyOf } from '../mvcc/plan.ts';
import type { Entry, ListResult, Revision, StoreEvent } from '../store.ts';
import { commitBatch, type Tables } from './database.ts';
import { listAt } from './list.ts';
import type { Lock } from './lock.ts';
import { COMPACTED_KEY, REVISION_KEY, readMeta } from './meta.ts';
import {
  decodeEntry,
  decodeLog,
  decodePastKey,
  encodeEntry,
  encodeKey,
  encodeLogKey,
  encodeLogValue,
  encodePastKey,
  encodeRevision,
  type LogRecord,
  StoreFormatError,
} from './records.ts';

/** Log records that are forgotten in one commit, so that writers never wait long for theirs. */
const COMPACT_BATCH = 250;

export class LmdbBackend implements Backend {
  readonly #tables: Tables;
  readonly #lock: Lock;
  #revision: Revision;
  #compacted: Revision;
  /** Keys that the commit under way changes: the database may show them as they will be. */
  #changing: ReadonlySet<string> = new Set();
  /** The batch under way. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(tables: Tables, lock: Lock) {
    this.#tables = tables;
    this.#lock = lock;
    this.#revision = readMeta(tables, REVISION_KEY);
    this.#compacted = readMeta(tables, COMPACTED_KEY);
  }

  revision(): Revision {
    return this.#revision;
  }

  compacted(): Revision {
    return this.#compacted;
  }

  current(key: string): Entry | undefined {
    const bytes = this.#tables.current.get(encodeKey(key));
    return bytes && decodeEntry(key, bytes);
  }

  at(key: string, revision: Revision): Entry | undefined {
    const current = this.current(key);
    if (current !== undefined && current.modified <= revision) return current;
    // It is not there, and nothing that is being written has taken it away: then there is no past to search.
    if (current === undefined && revision === this.#revision && !this.#changing.has(key)) return undefined;
    const past = this.#endedAfter(key, revision);
    return past !== undefined && past.modified <= revision ? past : undefined;
  }

  list(prefix: string, options: ListAt): Promise<ListResult> {
    return listAt(this.#tables, prefix, options);
  }

  *history(revision: Revision): Generator<Change, void, undefined> {
    let change: { readonly revision: Revision; readonly events: StoreEvent[] } | undefined;
    for (const { key, value } of this.#tables.log.getRange({ start: encodeLogKey(revision + 1, 0) })) {
      const record = decodeLog(key, value);
      if (record.revision !== change?.revision) {
        if (change !== undefined) yield change;
        change = { revision: record.revision, events: [] };
      }
      change.events.push(this.#eventOf(record));
    }
    if (change !== undefined) yield change;
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const newest = changes.at(-1)?.revision;
    if (newest === undefined) return;
    this.#changing = new Set(changes.flatMap(({ events }) => events.map(keyOf)));
    await this.#batch(() => {
      for (const change of changes) this.#write(change);
      this.#tables.meta.put(REVISION_KEY, encodeRevision(newest));
    });
    this.#revision = newest;
  }

  async compact(revision: Revision): Promise<void> {
    // A process that was killed while it read, such as a backup, would keep pages from being used again for ever.
    this.#tables.root.readerCheck();
    await this.#batch(() => this.#tables.meta.put(COMPACTED_KEY, encodeRevision(revision)));
    this.#compacted = revision;
    // Begins at the start of the log, so it also takes what an earlier compaction did not get to.
    for (;;) {
      const records = this.#logUpTo(revision);
      if (records.length === 0) return;
      await this.#batch(() => this.#forget(records));
      await nextTurn();
    }
  }

  relax(): void {
    if (this.#tables.mapping !== undefined) releasePages(this.#tables.mapping);
  }

  async close(): Promise<void> {
    await this.#busy;
    await this.#tables.root.close();
    this.#lock.release();
  }

  /** Batches one after the other; see `database.ts`. */
  #batch(write: () => void): Promise<void> {
    const mine = this.#busy.then(() => commitBatch(this.#tables, write));
    // Whoever asked for a batch hears of its failure; the next one is not concerned.
    this.#busy = mine.catch(() => {});
    return mine;
  }

  #write({ revision, events }: Change): void {
    const { current, past, log } = this.#tables;
    for (const [index, event] of events.entries()) {
      const key = keyOf(event);
      if (event.previous !== undefined) past.put(encodePastKey(key, revision), encodeEntry(event.previous));
      if (event.kind === 'put') current.put(encodeKey(key), encodeEntry(event.entry));
      else current.remove(encodeKey(key));
      log.put(encodeLogKey(revision, index), encodeLogValue(event.kind, key));
    }
  }

  #logUpTo(revision: Revision): LogRecord[] {
    const range = this.#tables.log.getRange({ end: encodeLogKey(revision + 1, 0), limit: COMPACT_BATCH });
    return Array.from(range, ({ key, value }) => decodeLog(key, value));
  }

  /** Removes log records with the entries that they ended, which no readable revision sees. */
  #forget(records: readonly LogRecord[]): void {
    for (const { revision, index, key } of records) {
      this.#tables.past.remove(encodePastKey(key, revision));
      this.#tables.log.remove(encodeLogKey(revision, index));
    }
  }

  /** The entry of a key that was the first to end after a revision; undefined when it has not ended. */
  #endedAfter(key: string, revision: Revision): Entry | undefined {
    const range = {
      start: encodePastKey(key, revision + 1),
      end: encodePastKey(key, Number.MAX_SAFE_INTEGER),
      limit: 1,
    };
    for (const { key: pastKey, value } of this.#tables.past.getRange(range)) {
      return decodeEntry(decodePastKey(pastKey).key, value);
    }
    return undefined;
  }

  #eventOf({ kind, key, revision }: LogRecord): StoreEvent {
    const bytes = this.#tables.past.get(encodePastKey(key, revision));
    const previous = bytes && decodeEntry(key, bytes);
    if (kind === 'delete') {
      if (previous === undefined) throw new StoreFormatError(`what revision ${revision} deleted is missing: ${key}`);
      return { kind, key, previous, revision };
    }
    const entry = this.at(key, revision);
    if (entry?.modified !== revision) throw new StoreFormatError(`what revision ${revision} wrote is missing: ${key}`);
    return { kind, entry, previous };
  }
}
