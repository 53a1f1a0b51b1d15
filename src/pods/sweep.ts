/** What pods have left on the node that are gone: an agent that was killed, or was away, did not take it along. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../host/log.ts';
import { removePodCgroup } from './cgroups.ts';
import type { VolumeManager } from './parts.ts';

export interface SweepOptions {
  readonly nodeName: string;
  readonly logDir: string;
  readonly log: Logger;
  readonly volumes: VolumeManager;
  /** Whether there is a pod of that UID, be it only at the runtime. */
  readonly isKnown: (podUID: string) => boolean;
}

/** Removes volumes, groups and logs of unknown pods. What cannot be removed is logged, and stays until the next start. */
export async function sweep({ nodeName, logDir, log, volumes, isKnown }: SweepOptions): Promise<void> {
  for (const uid of await volumes.podUIDs()) {
    if (isKnown(uid)) continue;
    await attempt(log, uid, async () => {
      await volumes.remove(uid);
      await removePodCgroup(nodeName, uid);
    });
  }
  for (const folder of await foldersOf(logDir)) {
    // NAMESPACE_NAME_UID, none of which has an underscore in it.
    const uid = folder.slice(folder.lastIndexOf('_') + 1);
    if (!isKnown(uid)) await attempt(log, uid, () => rm(join(logDir, folder), { recursive: true, force: true }));
  }
}

async function attempt(log: Logger, pod: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (err) {
    log.warn({ err, pod }, 'cannot remove what a pod has left on the node');
  }
}

async function foldersOf(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}
