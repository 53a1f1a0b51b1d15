/** What an API server does by itself: forgets old history and old Events, as Kubernetes' does. */

import { Event } from '../api/core/v1/event.ts';
import { isConflict, isNotFound } from '../api/status.ts';
import { minutes } from '../lib/duration.ts';
import type { Revision } from '../store/store.ts';
import type { Api } from './context.ts';
import { faultFields } from './outages.ts';
import { kindPrefix } from './storage/keys.ts';
import { removeObject } from './verbs/delete.ts';

/** History is kept for at least this long, at most twice as long: for watches that reconnect and lists in pages. */
const HISTORY = minutes(5);
const EVENT_LIFETIME = minutes(60);
const PAGE = 500;

/**
 * Keeps house until the signal is aborted, whenever `isMine` says so: of several servers on one store one does it for all. What fails is
 * logged and tried again the next time.
 */
export async function keepHouse(api: Api, signal: AbortSignal, isMine: () => boolean = () => true): Promise<void> {
  let before: Revision | undefined;
  while (!signal.aborted) {
    try {
      await api.clock.sleep(HISTORY, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    try {
      if (before !== undefined && isMine()) await api.store.compact(before);
      before = await api.store.revision();
      if (isMine()) await removeOldEvents(api);
    } catch (error) {
      if (!signal.aborted) api.log.warn(faultFields(error), 'could not forget old history and events');
    }
  }
}

/** Deletes the Events that nobody has touched for {@link EVENT_LIFETIME}. */
async function removeOldEvents(api: Api): Promise<void> {
  const prefix = kindPrefix(Event);
  let after: string | undefined;
  for (;;) {
    const page = await api.store.list(prefix, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const entry of page.entries) {
      // Not by way of the codec: what is looked at once must not displace what is in use.
      const event = JSON.parse(Buffer.from(entry.value).toString('utf8')) as Event;
      if (api.clock.now() - lastSeen(event) >= EVENT_LIFETIME) await remove(api, event, entry.modified);
    }
    after = page.entries.at(-1)?.key;
    if (page.remaining === 0) return;
  }
}

async function remove(api: Api, { metadata }: Event, modified: Revision): Promise<void> {
  const { namespace, name = '' } = metadata;
  const options = { preconditions: { resourceVersion: String(modified) } };
  try {
    await removeObject(api, { verb: 'delete', kind: Event, namespace, query: new URLSearchParams() }, name, options);
  } catch (error) {
    // Gone already, or seen again just now.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

/** Wall-clock milliseconds of the last time that the Event happened; 0 when it does not say. */
function lastSeen({ lastTimestamp, eventTime, series, metadata }: Event): number {
  const times = [lastTimestamp, eventTime, series?.lastObservedTime, metadata.creationTimestamp];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '') || 0));
}
