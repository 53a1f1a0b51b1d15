/** Keeps the memory of a process that lasts near what it uses: under load it takes what makes it fast, and gives that back afterwards. */
import { performance } from 'node:perf_hooks';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { heapSize, limitHeapGrowth, preferSmallHeap, trimAllocator } from '../../host/memory.ts';
import { seconds } from '../../lib/duration.ts';
import type { Store } from '../../store/store.ts';

/** Between two looks. */
const PERIOD = seconds(1);
/** Share of the time that the event loop is busy below which a process counts as quiet. */
const QUIET = 0.1;
/** Growth of the resident memory, in bytes, that makes giving back worth its milliseconds. */
const WORTHWHILE = 16 * 2 ** 20;
/** A process of this size, in bytes, may have been larger shortly before, as when many connections have ended: it is looked at anew. */
const LARGE = 256 * 2 ** 20;
/** How often, in looks. */
const LARGE_EVERY = 60;
/** A heap, in bytes, that is worth keeping from growing: a smaller one is small whatever it does. */
const LARGE_HEAP = 96 * 2 ** 20;
/** Percent by which a large heap grows between two collections. */
const GROWTH = 50;

export interface MemoryOptions {
  /** Of a server. */
  readonly store?: Store;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** Runs until the signal is aborted. */
export async function keepMemorySmall({ store, log, clock = systemClock }: MemoryOptions, signal: AbortSignal) {
  let quiet: boolean | undefined;
  let large = false;
  let kept = 0;
  let looks = 0;
  let before = performance.eventLoopUtilization();
  while (await slept(clock, signal)) {
    const now = performance.eventLoopUtilization();
    const isQuiet = performance.eventLoopUtilization(now, before).utilization < QUIET;
    before = now;
    if (isQuiet !== quiet) preferSmallHeap(isQuiet);
    quiet = isQuiet;
    const isLarge = heapSize() > LARGE_HEAP;
    if (isLarge !== large) limitHeapGrowth(isLarge ? GROWTH : undefined);
    large = isLarge;
    const resident = process.memoryUsage.rss();
    kept = Math.min(kept, resident);
    const isTime = ++looks % LARGE_EVERY === 0 && resident >= LARGE;
    if (resident < kept + WORTHWHILE && !isTime) continue;
    try {
      store?.relax();
      await trimAllocator();
    } catch (err) {
      log.warn({ err }, 'could not give back memory');
    }
    kept = process.memoryUsage.rss();
  }
}

/** Whether the time has passed, and not the signal ended it. */
async function slept(clock: Clock, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(PERIOD, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
