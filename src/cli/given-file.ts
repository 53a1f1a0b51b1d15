/** Files that the user names, when they cannot be read. */
import { resolve } from 'node:path';
import { codeOf, messageOf } from '../lib/errors.ts';
import { UserError } from './errors.ts';

/** What was found at `path` in place of a file that can be read, from the system's error. `remedy`: which file is meant. */
export function unreadable(path: string, cause: unknown, remedy: string): UserError {
  return new UserError(whatWasFound(path, cause), remedy, { cause });
}

function whatWasFound(path: string, cause: unknown): string {
  const full = resolve(path);
  const where = full === path ? path : `${path} (${full})`;
  switch (codeOf(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `there is no file ${where}`;
    case 'EISDIR':
      return `${where} is a directory, and a file is needed`;
    case 'EACCES':
    case 'EPERM':
      return `${where} is there, and this user may not read it`;
    default:
      return `cannot read ${where}: ${messageOf(cause)}`;
  }
}
