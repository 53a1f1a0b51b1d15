/** How the kernel's scheduler treats the calling thread. */
import { setPriority } from 'node:os';
import type { Logger } from './log.ts';

/** Above everything of ordinary priority (0), below what keeps the kernel itself going. */
const PREFERRED = -10;

/**
 * Lets the calling thread, and no other of the process, run before others when the processors are busy: setpriority(2) with
 * process 0 means a thread on Linux. For threads that others wait for and that need little. It needs CAP_SYS_NICE, and is
 * merely an advantage: without, the thread runs like any other. Returns whether it was granted.
 */
export function preferThisThread(log: Logger): boolean {
  try {
    setPriority(0, PREFERRED);
    return true;
  } catch (err) {
    log.debug({ err }, 'runs at ordinary priority: CAP_SYS_NICE would let it run before others on a busy machine');
    return false;
  }
}
