/** Clearing away a pod's folder. */
import { readdir, rm } from 'node:fs/promises';
import { type Mounts, mountsBeneath } from '../../host/mounts.ts';
import { codeOf } from '../../lib/errors.ts';

/**
 * Unmounts all that is mounted beneath the folder and removes it. What was mounted is never removed: the folder stays, and
 * this rejects, when something is still mounted.
 */
export async function removeFolder(mounts: Mounts, folder: string): Promise<void> {
  for (const point of await mountsBeneath(folder)) await mounts.unmount(point);
  const [left] = await mountsBeneath(folder);
  if (left !== undefined) throw new Error(`${left} is still mounted, so ${folder} is not removed`);
  await rm(folder, { recursive: true, force: true });
}

/** Names of the folders in a folder; none when there is no such folder. */
export async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
