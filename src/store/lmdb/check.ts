/** Proves the invariants of a store that nobody has open, record by record. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../lib/errors.ts';
import { StoreFailedError } from '../errors.ts';
import type { Entry, Revision } from '../store.ts';
import { DATA_FILE, openTables, type Tables } from './database.ts';
import { lockDirectory } from './lock.ts';
import { COMPACTED_KEY, checkLayout, checkWhole, REVISION_KEY, readMeta } from './meta.ts';
import {
  decodeEntry,
  decodeKey,
  decodeLog,
  decodePastKey,
  encodeKey,
  encodeLogKey,
  encodePastKey,
  type LogRecord,
} from './records.ts';

/** More problems than this say no more than that the store is broken. */
const PROBLEMS_LIMIT = 100;

export interface StoreReport {
  readonly revision: Revision;
  /** The oldest revision that can be read. */
  readonly compacted: Revision;
  readonly keys: number;
  readonly pastEntries: number;
  readonly logRecords: number;
  /** What is wrong, in words; empty for a sound store. */
  readonly problems: readonly string[];
}

/**
 * Checks the store in a directory: every current and past entry is where the log says, no two versions of a key overlap,
 * and the log has every revision since the last compaction. Throws as `openLmdbStore` does when it cannot be opened.
 */
export async function checkStore(dir: string): Promise<StoreReport> {
  if (!existsSync(join(dir, DATA_FILE)))
    throw new StoreFailedError(`check the store in ${dir}`, `there is no ${DATA_FILE}`);
  const lock = lockDirectory(dir);
  try {
    const tables = openTables(dir);
    try {
      checkLayout(tables);
      checkWhole(dir, tables);
      return new Check(tables).run();
    } finally {
      await tables.root.close();
    }
  } finally {
    lock.release();
  }
}

class Check {
  readonly #tables: Tables;
  readonly #revision: Revision;
  readonly #compacted: Revision;
  readonly #problems: string[] = [];

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#revision = readMeta(tables, REVISION_KEY);
    this.#compacted = readMeta(tables, COMPACTED_KEY);
  }

  run(): StoreReport {
    const [revision, compacted] = [this.#revision, this.#compacted];
    this.#expect(compacted <= revision, `compacted up to ${compacted}, but the newest revision is ${revision}`);
    const keys = this.#checkCurrent();
    const pastEntries = this.#checkPast();
    const logRecords = this.#checkLog();
    return { revision, compacted, keys, pastEntries, logRecords, problems: this.#problems };
  }

  #checkCurrent(): number {
    let count = 0;
    for (const { key, value } of this.#tables.current.getRange({})) {
      count++;
      this.#attempt(`current entry ${decodeKey(key)}`, () =>
        this.#checkEntry(decodeEntry(decodeKey(key), value), this.#revision),
      );
    }
    return count;
  }

  #checkPast(): number {
    let count = 0;
    let before: { readonly key: string; readonly ended: Revision } | undefined;
    for (const { key, value } of this.#tables.past.getRange({})) {
      count++;
      this.#attempt(`past entry ${key.toString('hex')}`, () => {
        const { key: name, ended } = decodePastKey(key);
        const entry = decodeEntry(name, value);
        const what = `${name}, ended by ${ended}`;
        this.#checkEntry(entry, ended - 1);
        this.#expect(this.#logged(ended, name) !== undefined, `${what}: the log has no such change`);
        const overlaps = before?.key === name && entry.modified < before.ended;
        this.#expect(!overlaps, `${what}: overlaps the version that ended at ${before?.ended}`);
        before = { key: name, ended };
      });
    }
    return count;
  }

  /** What holds for every entry; it was last modified at `newest` or before. */
  #checkEntry({ key, created, modified }: Entry, newest: Revision): void {
    this.#expect(created >= 1 && created <= modified, `${key}: created at ${created}, modified at ${modified}`);
    this.#expect(modified <= newest, `${key}: modified at ${modified}, though it was so at ${newest}`);
    if (modified <= this.#compacted) return;
    this.#expect(this.#logged(modified, key)?.kind === 'put', `${key}: the log has no put at ${modified}`);
  }

  #checkLog(): number {
    let count = 0;
    let last: LogRecord | undefined;
    for (const { key, value } of this.#tables.log.getRange({})) {
      count++;
      this.#attempt(`log record ${key.toString('hex')}`, () => {
        const record = decodeLog(key, value);
        this.#checkOrder(record, last);
        if (record.revision > this.#compacted) this.#checkRecord(record);
        last = record;
      });
    }
    const end = last?.revision ?? this.#compacted;
    this.#expect(end >= this.#revision, `the log ends at ${end}, the newest revision is ${this.#revision}`);
    this.#expect(end <= this.#revision, `the log goes on to ${end} after the newest revision ${this.#revision}`);
    return count;
  }

  #checkOrder({ revision, index }: LogRecord, last: LogRecord | undefined): void {
    const first = last === undefined && revision <= this.#compacted + 1;
    const next = index === 0 && revision === (last?.revision ?? 0) + 1;
    const same = revision === last?.revision && index === last.index + 1;
    // An interrupted compaction may leave a revision whose first changes are gone.
    this.#expect(first || next || same, `the log has a gap before change ${index} of revision ${revision}`);
  }

  #checkRecord({ kind, key, revision }: LogRecord): void {
    const previous = this.#tables.past.get(encodePastKey(key, revision));
    if (kind === 'delete') {
      this.#expect(previous !== undefined, `what revision ${revision} deleted is missing: ${key}`);
      return;
    }
    this.#expect(this.#versionFrom(key, revision), `what revision ${revision} wrote is missing: ${key}`);
  }

  /** Whether a version of a key that begins at a revision is kept. */
  #versionFrom(key: string, revision: Revision): boolean {
    const range = {
      start: encodePastKey(key, revision + 1),
      end: encodePastKey(key, Number.MAX_SAFE_INTEGER),
      limit: 1,
    };
    for (const { value } of this.#tables.past.getRange(range)) return decodeEntry(key, value).modified === revision;
    const current = this.#tables.current.get(encodeKey(key));
    return current !== undefined && decodeEntry(key, current).modified === revision;
  }

  #logged(revision: Revision, key: string): LogRecord | undefined {
    const range = { start: encodeLogKey(revision, 0), end: encodeLogKey(revision + 1, 0) };
    for (const record of this.#tables.log.getRange(range)) {
      const decoded = decodeLog(record.key, record.value);
      if (decoded.key === key) return decoded;
    }
    return undefined;
  }

  #expect(holds: boolean, problem: string): void {
    if (!holds && this.#problems.length < PROBLEMS_LIMIT) this.#problems.push(problem);
  }

  /** A record that cannot even be read is a problem like the others. */
  #attempt(what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#expect(false, `${what}: ${messageOf(error)}`);
    }
  }
}
