/** `postern backup`: all of a store as of one revision, and the server's certificates, while it serves. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { codeOf } from '../../lib/errors.ts';
import type { BackupTrailer } from '../../store/backup/format.ts';
import { writeBackup } from '../../store/backup/write.ts';
import { UserError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { type End, openSnapshot } from './ends.ts';
import { readPki } from './pki-files.ts';
import { withRemedies } from './remedies.ts';

export interface BackupReport extends BackupTrailer {
  /** `-`: standard output. */
  readonly file: string;
  readonly revision: number;
}

export interface BackupOptions {
  readonly from: End;
  /** Where to; `-`: standard output. */
  readonly file: string;
  readonly now: number;
  readonly tell: (detail: string) => void;
}

/** Once it resolves, the backup is on disk, whole, and open to nobody else. */
export function backUp(options: BackupOptions, signal: AbortSignal): Promise<BackupReport> {
  return withRemedies({ from: options.from }, () =>
    options.file === '-'
      ? writeTo(options, process.stdout, signal)
      : intoFile(options.file, (output) => writeTo(options, output, signal)),
  );
}

async function writeTo(
  { from, file, now, tell }: BackupOptions,
  output: Writable,
  signal: AbortSignal,
): Promise<BackupReport> {
  const { snapshot, close } = await openSnapshot(from, { alone: false });
  try {
    const files = from.dataDir === undefined ? [] : await readPki(from.dataDir);
    const header = { id: randomUUID(), time: new Date(now).toISOString(), by: `postern ${VERSION}` };
    const told = (entries: number) => tell(`${entries} entries`);
    const trailer = await writeBackup({ snapshot, files, header }, output, told, signal);
    return { file, revision: snapshot.revision, ...trailer };
  } finally {
    await close();
  }
}

/** A file that is there only once it is whole. */
async function intoFile<T>(path: string, write: (output: Writable) => Promise<T>): Promise<T> {
  if (await exists(path)) {
    throw new UserError(`${path} is there already`, 'Choose another name, or remove it: no backup is written over.');
  }
  const partial = `${path}.${randomUUID().slice(0, 8)}.partial`;
  try {
    // Synced when it is closed.
    const result = await write(createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true }));
    await rename(partial, path);
    const folder = await open(dirname(path), 'r');
    await folder.sync().finally(() => folder.close());
    return result;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
