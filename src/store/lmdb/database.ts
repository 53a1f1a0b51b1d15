/**
 * LMDB through the package `lmdb` (3.5), with the settings that the store's promises need, and its peculiarities in one
 * place:
 *
 * - `overlappingSync` is off. It is on by default, and with it a write resolves when it is visible but not yet on disk.
 *   Off, LMDB's own order holds: pages, sync, meta page with O_DSYNC, and only then is the write visible and answered.
 * - `eventTurnBatching` is off. With it the package makes a commit promise that nobody holds, whose rejection would end
 *   the process when the disk is full. We group writes ourselves.
 * - One batch is under way at a time, so that no two share one of the package's commit promises.
 * - A failed commit rejects with a promise of the reason, `commitError`.
 * - The data file is opened without close-on-exec, so every program we start would inherit it.
 * - Reads of one turn of the event loop share a snapshot, which is dropped after our own commits.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { setCloseOnExec } from '../../host/file-descriptor.ts';
import { type FileMapping, sharedMappings } from '../../host/memory.ts';
import { StoreFailedError, StoreFullError } from '../errors.ts';

export type Table = Database<Buffer, Buffer>;

export interface Tables {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly dir: string;
  readonly current: Table;
  readonly past: Table;
  readonly log: Table;
  readonly meta: Table;
  /** The map of the data file, as long as the store is open; a larger one that may follow is not known here. */
  readonly mapping: FileMapping | undefined;
}

const ENCODINGS = { encoding: 'binary', keyEncoding: 'binary' } as const;
/**
 * Address space for the map of the data file, in bytes; none of it is memory. A map that has to grow is replaced by a larger
 * one, and the smaller stays: each page that both have been read through counts twice as resident.
 */
const MAP_SIZE = 16 * 1024 ** 3;
/** Snapshots that can be held at once: one for each long list under way, and a few more. */
const READERS = 1024;

export const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';

/** Creates the directory (0700) where it does not exist. */
export function ensureDirectory(dir: string): void {
  const created = mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (created !== undefined) syncDirectory(dirname(created));
}

/** Opens the files in a directory; after this nothing is opened by its path any more. */
export function openTables(dir: string): Tables {
  // LMDB would create them group-writable; it takes empty files for new ones.
  for (const name of [DATA_FILE, LOCK_FILE]) {
    const path = join(dir, name);
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  }
  // A file that its directory forgets after a power cut would be as lost as its content.
  syncDirectory(dir);
  const root = open<Buffer, Buffer>({
    path: dir,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    mapSize: MAP_SIZE,
    maxDbs: 4,
    maxReaders: READERS,
    ...ENCODINGS,
  });
  closeOnExec(join(dir, DATA_FILE));
  const mapping = sharedMappings(realpathSync(join(dir, DATA_FILE))).find(({ length }) => length === MAP_SIZE);
  return tablesOf(root, dir, mapping);
}

/** Opens what another process may have open, for reading alone: nothing of it is changed or made. */
export function openTablesToRead(dir: string): Tables {
  const root = open<Buffer, Buffer>({ path: dir, noSubdir: false, readOnly: true, maxDbs: 4, ...ENCODINGS });
  closeOnExec(join(dir, DATA_FILE));
  return tablesOf(root, dir, undefined);
}

function tablesOf(root: Tables['root'], dir: string, mapping: Tables['mapping']): Tables {
  const table = (name: string): Table => root.openDB<Buffer, Buffer>({ name, ...ENCODINGS });
  return {
    root,
    dir,
    current: table('current'),
    past: table('past'),
    log: table('log'),
    meta: table('meta'),
    mapping,
  };
}

/** Keeps the programs that we start from inheriting what we have open of a file. */
function closeOnExec(path: string): void {
  const { dev, ino } = statSync(path);
  for (const fd of readdirSync('/proc/self/fd')) {
    // The one that the listing itself used is closed by now.
    const open = statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false });
    if (open?.dev === dev && open.ino === ino) setCloseOnExec(Number(fd));
  }
}

function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes all the writes that `write` asks for, or none; resolves when they are on disk. Never called twice at once. */
export async function commitBatch({ root, dir }: Tables, write: () => void): Promise<void> {
  try {
    await root.batch(write);
  } catch (error) {
    const reason = await reasonOf(error);
    const doing = 'commit to the store';
    if (isFull(reason, dir))
      throw new StoreFullError(doing, reason, `make room on the disk of ${dir} (df -h shows it)`);
    throw new StoreFailedError(doing, reason);
  } finally {
    root.resetReadTxn();
  }
}

/** errno(3) of writes that a disk, a quota or a limit has no room for, and LMDB's own of its map. */
const NO_ROOM: ReadonlySet<unknown> = new Set([28, 122, 27, -30792]);

/** What LMDB says of a write that was made in part only, which is how a disk becomes full as a rule. */
const INPUT_OUTPUT_ERROR = 5;

function isFull(reason: unknown, dir: string): boolean {
  const code = reason instanceof Error && 'code' in reason ? reason.code : undefined;
  return NO_ROOM.has(code) || (code === INPUT_OUTPUT_ERROR && freeBytes(dir) < ROOM_FOR_A_WRITE);
}

/** A commit of the largest value with all the pages that lead to it. */
const ROOM_FOR_A_WRITE = 4 * 1024 * 1024;

function freeBytes(dir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    // Whoever has given up the right to look does not know.
    return Number.POSITIVE_INFINITY;
  }
}

async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}
