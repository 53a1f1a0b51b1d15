/** Directories that the user names, looked at before anything is made in them. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import { UserError } from './errors.ts';

/**
 * Throws a {@link UserError} unless `path` is a directory that this user can write to, or can be made one. `option` is what
 * it was named with, such as `--data-dir`.
 */
export async function requireDirectory(option: string, path: string): Promise<void> {
  const dir = resolve(path);
  const nearest = await nearestExisting(dir);
  if (!nearest.isDirectory) {
    throw new UserError(
      `${option} ${path}: ${nearest.path} is a file, and a directory is needed`,
      'Choose another directory, or move the file away.',
    );
  }
  const obstacle = await whyNotWritable(nearest.path);
  if (obstacle !== undefined) {
    throw new UserError(
      `${option} ${path}: ${nearest.path} ${obstacle}`,
      'Choose a directory that is yours to write to.',
    );
  }
}

/** The path itself, or whatever of the way to it is there. */
async function nearestExisting(path: string): Promise<{ readonly path: string; readonly isDirectory: boolean }> {
  try {
    return { path, isDirectory: (await stat(path)).isDirectory() };
  } catch (error) {
    const code = codeOf(error);
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || path === dirname(path)) throw error;
    return nearestExisting(dirname(path));
  }
}

async function whyNotWritable(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EROFS') return 'is on a read-only file system';
    if (code === 'EACCES') return 'is not open to this user for writing';
    throw error;
  }
}
