/** Lists in LMDB, as of now or of a revision in the past, in pieces between which others get their turn. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import { compareKeys } from '../keys.ts';
import type { ListAt } from '../mvcc/backend.ts';
import type { Entry, ListResult } from '../store.ts';
import type { Table, Tables } from './database.ts';
import { REVISION_KEY } from './meta.ts';
import {
  afterPrefix,
  decodeEntry,
  decodeKey,
  decodeModified,
  decodePastKey,
  decodeRevision,
  encodeKey,
} from './records.ts';

/** Where a piece ends: records and bytes that take a few milliseconds to read. */
const PIECE_RECORDS = 1000;
const PIECE_BYTES = 4 * 1024 * 1024;

/** A record as it lies in its table. */
interface Raw {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** An encoded entry with the key it is about. */
interface Row {
  readonly key: string;
  readonly value: Buffer;
}

interface Bounds {
  readonly start: Buffer;
  readonly end: Buffer | undefined;
}

/** As {@link Backend.list}. */
export async function listAt(tables: Tables, prefix: string, options: ListAt): Promise<ListResult> {
  // One snapshot for all pieces; neither writers nor compaction change it.
  const snapshot = tables.root.useReadTransaction();
  try {
    const bounds = boundsOf(prefix, options.after);
    const newest = tables.meta.get(REVISION_KEY, { transaction: snapshot });
    const isNow = options.revision === (newest === undefined ? 0 : decodeRevision(newest));
    return await (isNow ? listNow : listPast)(tables, snapshot, bounds, options);
  } finally {
    snapshot.done();
  }
}

type List = (tables: Tables, snapshot: Transaction, bounds: Bounds, options: ListAt) => Promise<ListResult>;

const listNow: List = async ({ current }, snapshot, bounds, { revision, limit = Number.POSITIVE_INFINITY }) => {
  const entries: Entry[] = [];
  for await (const piece of pieces(current, snapshot, bounds, limit)) {
    for (const { key, value } of piece) entries.push(decodeEntry(decodeKey(key), value));
    if (entries.length >= limit) break;
  }
  // The last piece may have gone beyond.
  entries.length = Math.min(entries.length, limit);
  const last = entries.at(-1);
  if (last === undefined || entries.length < limit) return { entries, revision, remaining: 0 };
  // Counted by LMDB, without a look at the values.
  const rest = { start: justAfter(encodeKey(last.key)), ...(bounds.end && { end: bounds.end }), transaction: snapshot };
  return { entries, revision, remaining: current.getKeysCount(rest) };
};

/** Walks through what is current and what is past side by side, in key order, and keeps what the revision saw. */
const listPast: List = async (tables, snapshot, bounds, { revision, limit = Number.POSITIVE_INFINITY }) => {
  const entries: Entry[] = [];
  let remaining = 0;
  const seen = merge(currentAt(tables, snapshot, bounds, revision), pastAt(tables, snapshot, bounds, revision));
  for await (const { key, value } of seen) {
    if (entries.length < limit) entries.push(decodeEntry(key, value));
    else remaining++;
  }
  return { entries, revision, remaining };
};

/** Entries that were already as they are now. */
async function* currentAt(
  { current }: Tables,
  snapshot: Transaction,
  bounds: Bounds,
  revision: number,
): AsyncGenerator<Row> {
  for await (const piece of pieces(current, snapshot, bounds)) {
    for (const { key, value } of piece) {
      if (decodeModified(value) <= revision) yield { key: decodeKey(key), value };
    }
  }
}

/** Entries that have ended since. */
async function* pastAt({ past }: Tables, snapshot: Transaction, bounds: Bounds, revision: number): AsyncGenerator<Row> {
  for await (const piece of pieces(past, snapshot, bounds)) {
    for (const { key, value } of piece) {
      const { key: name, ended } = decodePastKey(key);
      if (ended > revision && decodeModified(value) <= revision) yield { key: name, value };
    }
  }
}

/** Two sorted sequences as one. No key is in both: an entry either has ended or has not. */
async function* merge(a: AsyncGenerator<Row>, b: AsyncGenerator<Row>): AsyncGenerator<Row> {
  let [left, right] = [await a.next(), await b.next()];
  while (!left.done || !right.done) {
    if (!left.done && (right.done || compareKeys(left.value.key, right.value.key) < 0)) {
      yield left.value;
      left = await a.next();
    } else if (!right.done) {
      yield right.value;
      right = await b.next();
    }
  }
}

/**
 * The records of a table within bounds, in pieces of at most `most`. Each piece is an iteration of its own: none outlives
 * its turn of the event loop.
 */
async function* pieces(
  table: Table,
  snapshot: Transaction,
  { start, end }: Bounds,
  most = PIECE_RECORDS,
): AsyncGenerator<readonly Raw[]> {
  for (let next = start; ; await nextTurn()) {
    const piece = readPiece(table, snapshot, { start: next, end }, Math.min(most, PIECE_RECORDS));
    yield piece.records;
    const last = piece.records.at(-1);
    if (last === undefined || piece.complete) return;
    next = justAfter(last.key);
  }
}

function readPiece(table: Table, snapshot: Transaction, { start, end }: Bounds, most: number) {
  const records: Raw[] = [];
  let bytes = 0;
  for (const record of table.getRange({ start, ...(end && { end }), transaction: snapshot })) {
    records.push(record);
    bytes += record.value.length;
    if (records.length === most || bytes > PIECE_BYTES) return { records, complete: false };
  }
  return { records, complete: true };
}

function boundsOf(prefix: string, after: string | undefined): Bounds {
  const first = encodeKey(prefix);
  const end = afterPrefix(prefix);
  if (after === undefined || compareKeys(after, prefix) < 0) return { start: first, end };
  return { start: afterVersions(after), end };
}

/** The least bytes above these. */
function justAfter(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** Bytes above a key and all its past versions (key, NUL, revision), and below every longer key: keys have no NUL. */
function afterVersions(key: string): Buffer {
  return Buffer.concat([encodeKey(key), Buffer.of(1)]);
}
