/** What pods have left on the node that are gone: an agent that was killed, or was away, did not take it along. */
import type { Logger } from '../host/log.ts';
import { type Leavings, ownerOfLogs } from './leavings.ts';
import type { VolumeManager } from './parts.ts';

export interface SweepOptions {
  readonly log: Logger;
  readonly volumes: VolumeManager;
  readonly leavings: Leavings;
  /** Whether there is a pod of that UID, be it only at the runtime. */
  readonly isKnown: (podUID: string) => boolean;
}

/** Removes volumes, groups and logs of unknown pods. What cannot be removed is logged, and stays until the next start. */
export async function sweep({ log, volumes, leavings, isKnown }: SweepOptions): Promise<void> {
  for (const uid of await volumes.podUIDs()) {
    if (isKnown(uid)) continue;
    await attempt(log, uid, async () => {
      await volumes.remove(uid);
      await leavings.removeGroup(uid);
    });
  }
  for (const folder of await leavings.logFolders()) {
    const uid = ownerOfLogs(folder);
    if (!isKnown(uid)) await attempt(log, uid, () => leavings.removeLogs(folder));
  }
}

async function attempt(log: Logger, pod: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (err) {
    log.warn({ err, pod }, 'cannot remove what a pod has left on the node');
  }
}
