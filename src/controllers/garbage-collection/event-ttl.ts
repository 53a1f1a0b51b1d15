/** Removes Events an hour after they last happened, as Kubernetes does. */
import { Event } from '../../api/core/v1/event.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import type { ControllerParts, Run } from '../parts.ts';

/** Milliseconds that an Event is kept: the API server's `--event-ttl`. */
const EVENT_TTL = 3_600_000;
/** Milliseconds between sweeps. */
const SWEEP = 60_000;

/** Makes the sweeper. It lists rather than watches: nobody needs Events in this process's memory. */
export function eventSweeper({ client, clock, log }: ControllerParts): Run {
  const sweep = async (): Promise<void> => {
    const { items } = await client.list(Event);
    for (const event of items) {
      if (clock.now() - lastSeen(event) < EVENT_TTL) continue;
      const { resourceVersion = '' } = event.metadata;
      // One that has just happened again is another version, and stays.
      await client.delete(Event, keyOf(event), { preconditions: { resourceVersion } }).catch(ignoreGone);
    }
  };
  return async (signal) => {
    while (!signal.aborted) {
      await sweep().catch((err: unknown) => log.warn({ err }, 'cannot sweep old events'));
      await clock.sleep(SWEEP, signal).catch(() => {}); // The loop's condition sees the signal.
    }
  };
}

/** Wall-clock milliseconds of the last occurrence. */
function lastSeen({ lastTimestamp, eventTime, series, metadata }: Event): number {
  const texts = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp];
  const times = texts.map((text) => Date.parse(text ?? '')).filter((time) => !Number.isNaN(time));
  return Math.max(0, ...times);
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error) && !isConflict(error)) throw error;
}
