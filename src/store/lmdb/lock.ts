/**
 * One process at a time. LMDB itself would let several write, but the revisions and watches of one would not be those of
 * the other. The kernel drops the lock when its process ends, however it ends, so there is never a stale one to remove.
 */
import { closeSync, fchmodSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../../host/file-descriptor.ts';
import { StoreLockedError } from '../errors.ts';

const LOCK_FILE = 'LOCK';

export interface Lock {
  release(): void;
}

/** Takes the lock of a directory and writes this process' id into it. Throws {@link StoreLockedError}. */
export function lockDirectory(dir: string): Lock {
  const path = join(dir, LOCK_FILE);
  const fd = openSync(path, 'a+', 0o600);
  try {
    fchmodSync(fd, 0o600);
    if (!tryLock(fd)) throw new StoreLockedError(dir, readHolder(path));
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  // Node opens every file close-on-exec, so the programs we start do not inherit the lock.
  return { release: () => closeSync(fd) };
}

function readHolder(path: string): number | undefined {
  const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
  return pid > 0 ? pid : undefined;
}
