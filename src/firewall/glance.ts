/** Noticing that somebody has changed a packet filter that tells nobody of it. */
import type { Clock } from '../host/clock.ts';

/** How often we look whether anything was changed at all, in milliseconds: one question to the kernel. */
const GLANCE = 1000;

export interface Glance {
  readonly clock: Clock;
  /** A number that is another one after every change of any rules, whosever they are; undefined: the kernel does not say. */
  readonly generation: () => Promise<number | undefined>;
  /** Whether what is ours is not as it was: asked only when the number has changed. */
  readonly isOtherwise: () => Promise<boolean>;
}

/** Calls `changed` when what is ours has become otherwise, until the signal is aborted. */
export async function glance(
  { clock, generation, isOtherwise }: Glance,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  // What changed since the last load is seen by the first look.
  let last: number | undefined;
  while (!signal.aborted) {
    try {
      await clock.sleep(GLANCE, signal);
    } catch {
      return; // Aborted.
    }
    const now = await generation();
    if (now === last) continue;
    last = now;
    if ((await isOtherwise()) && !signal.aborted) changed();
  }
}
