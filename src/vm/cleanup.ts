/** Ends guests that nothing looks after. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findQemu, killQemu } from './qemu/process.ts';
import { guestDirectory, readRecords } from './record.ts';

/**
 * Ends, as a power cut does, every guest that was started with this state directory and not cleared away, by whichever run
 * of this program; none of which may still run.
 */
export async function cleanupGuests(stateDir: string): Promise<void> {
  for (const { podUID } of await readRecords(stateDir)) {
    const found = await findQemu(guestDirectory(stateDir, podUID));
    if (found !== undefined) killQemu(found.pid);
  }
  // A console that is just being let go of may still write its last lines.
  for (const name of ['guests', 'consoles']) {
    await rm(join(stateDir, name), { recursive: true, force: true, maxRetries: 3 });
  }
}
