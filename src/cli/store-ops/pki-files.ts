/** A server's certificates and keys, as files of a backup. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import type { BackupFile } from '../../store/backup/format.ts';
import { UserError } from '../errors.ts';

const FOLDER = 'pki';

/** In the order of their names; none where there is no such folder. */
export async function readPki(dataDir: string): Promise<readonly BackupFile[]> {
  const names = await namesIn(join(dataDir, FOLDER));
  return Promise.all(
    names.map(async (name) => ({ path: `${FOLDER}/${name}`, bytes: await readFile(join(dataDir, FOLDER, name)) })),
  );
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    const found = await readdir(dir, { withFileTypes: true });
    // What is being written has another ending until it is whole.
    return found.flatMap((each) => (each.isFile() && each.name.endsWith('.pem') ? [each.name] : [])).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Those of the files that are not there yet. Throws a {@link UserError} where another is in the place of one. */
export async function missingPki(dataDir: string, files: readonly BackupFile[]): Promise<readonly BackupFile[]> {
  const missing: BackupFile[] = [];
  for (const file of files) {
    const there = await readIfThere(join(dataDir, file.path));
    if (there === undefined) missing.push(file);
    else if (Buffer.compare(there, file.bytes) !== 0) {
      throw new UserError(
        `${join(dataDir, file.path)} is there, and is another than that of the backup; nothing was written`,
        'Choose a new directory. Another authority would not know the nodes and users of the backup.',
      );
    }
  }
  return missing;
}

/** Puts files where they were, for their owner alone; each is there as a whole, or not at all. */
export async function writePki(dataDir: string, files: readonly BackupFile[]): Promise<void> {
  await mkdir(join(dataDir, FOLDER), { recursive: true, mode: 0o700 });
  for (const { path, bytes } of files) {
    const partial = join(dataDir, `${path}.partial`);
    await rm(partial, { force: true });
    const file = await open(partial, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, join(dataDir, path));
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
