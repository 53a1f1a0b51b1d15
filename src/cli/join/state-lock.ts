/**
 * One agent at a time runs with a state directory. Two would be one node, each undoing what the other does. The kernel drops the
 * lock when its process ends, however it ends, or becomes another program.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../../host/file-descriptor.ts';
import { UserError } from '../errors.ts';

const LOCK_FILE = 'lock';

/** Takes the lock of an agent's state directory, which is made where it is missing; the result gives it back. Throws {@link UserError}. */
export function lockStateDir(stateDir: string): () => void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  // Node opens every file close-on-exec, so the programs we start do not inherit the lock.
  const fd = openSync(join(stateDir, LOCK_FILE), 'a', 0o600);
  let isLocked = false;
  try {
    isLocked = tryLock(fd);
  } finally {
    if (!isLocked) closeSync(fd);
  }
  if (!isLocked) {
    throw new UserError(
      `--state-dir ${stateDir}: an agent runs with it already`,
      'Stop that one first, or give this one a directory and a name of its own: --state-dir DIR --node-name NAME.',
    );
  }
  return () => closeSync(fd);
}
