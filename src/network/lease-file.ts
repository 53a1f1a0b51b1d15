/** Leases on disk: what a restarted agent knows of the guests that went on running. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import { EMPTY_TABLE, type LeaseTable } from './leases.ts';

/** The leases of the last run; none when there was none. Throws when the file is there and cannot be read. */
export async function loadLeases(path: string): Promise<LeaseTable> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return EMPTY_TABLE;
    throw error;
  }
  const value = JSON.parse(text) as Partial<LeaseTable>;
  return { leases: value.leases ?? [], released: value.released ?? [] };
}

/** Replaces the file in one step, so that a crash leaves the old leases or the new. */
export async function saveLeases(path: string, table: LeaseTable): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.tmp`, `${JSON.stringify(table, undefined, 1)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.tmp`, path);
}
