/** Asks proxies again and again: how fast traffic grows is the difference between two answers. */
import { systemClock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';
import type { TrafficReport } from '../../proxy/traffic/report.ts';
import type { Place } from '../local-answers.ts';
import { askProxy } from './proxies.ts';
import type { Pair } from './rows.ts';

/** Between two answers. */
const INTERVAL = seconds(1);

/**
 * Yields what all proxies that answer say, once a second, until the signal is aborted. Those that do not answer are told to
 * `onFailure`, each once in a row; throws when none does.
 */
export async function* watchTraffic(
  places: readonly Place[],
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): AsyncGenerator<readonly Pair[]> {
  let before = await askAll(places, onFailure, new Set());
  let failing = new Set(places.filter((place) => !before.has(place)));
  while (!signal.aborted) {
    await systemClock.sleep(INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
    if (signal.aborted) return;
    const after = await askAll(places, onFailure, failing);
    yield [...after].map(([place, report]) => ({ before: before.get(place) ?? report, after: report }));
    failing = new Set(places.filter((place) => !after.has(place)));
    before = after;
  }
}

async function askAll(
  places: readonly Place[],
  onFailure: (error: unknown) => void,
  failing: ReadonlySet<Place>,
): Promise<ReadonlyMap<Place, TrafficReport>> {
  const answers = await Promise.allSettled(places.map(askProxy));
  const reports = new Map<Place, TrafficReport>();
  for (const [i, place] of places.entries()) {
    const answer = answers[i];
    if (answer?.status === 'fulfilled') reports.set(place, answer.value);
    else if (places.length > 1 && !failing.has(place)) onFailure(answer?.reason);
  }
  const [first] = answers;
  if (reports.size === 0 && first?.status === 'rejected') throw first.reason;
  return reports;
}
