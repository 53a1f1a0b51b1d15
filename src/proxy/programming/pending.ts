/** Services to look at again, and since when: what arrives before the kernel is told next is one change. */
import { TRIGGER_TIME_ANNOTATION } from '../../api/discovery/v1/endpointslice.labels.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { Change } from '../metrics/latency.ts';

/** By Service. */
export type Changed = ReadonlyMap<string, Change>;

export class PendingChanges {
  #changes = new Map<string, Change>();
  #isUnderWay = false;
  /** Those who wait for what was taken, and for what was not yet. */
  #waiting: { taken: (() => void)[]; next: (() => void)[] } = { taken: [], next: [] };

  get size(): number {
    return this.#changes.size;
  }

  /** Something of a Service changed now; `triggered` is what set it off, in milliseconds since 1970. The first counts. */
  add(service: string, triggered?: number): void {
    const before = this.#changes.get(service);
    if (before !== undefined && (triggered === undefined || (before.triggered ?? Infinity) <= triggered)) return;
    const arrived = before?.arrived ?? performance.now();
    this.#changes.set(service, { service, arrived, ...(triggered === undefined ? {} : { triggered }) });
  }

  /** All that changed, to be brought into the kernel. */
  take(): Changed {
    const changes = this.#changes;
    this.#changes = new Map();
    this.#isUnderWay = true;
    this.#waiting = { taken: [...this.#waiting.taken, ...this.#waiting.next], next: [] };
    return changes;
  }

  /** What was taken is in the kernel. */
  done(): void {
    this.#isUnderWay = false;
    for (const resolve of this.#waiting.taken.splice(0)) resolve();
  }

  /** Resolves when all that has changed until now is in the kernel. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#changes.size > 0) this.#waiting.next.push(resolve);
      else if (this.#isUnderWay) this.#waiting.taken.push(resolve);
      else resolve();
    });
  }

  /** They could not be: they are still to come, and have waited since they came. */
  putBack(changes: Changed): void {
    this.#changes = new Map([...this.#changes, ...changes]);
  }
}

/** When what a slice was written for was set off, in milliseconds since 1970; undefined where this write does not tell. */
export function triggerOf(slice: EndpointSlice | undefined, previous: EndpointSlice | undefined): number | undefined {
  const text = slice?.metadata.annotations?.[TRIGGER_TIME_ANNOTATION];
  if (text === undefined || text === previous?.metadata.annotations?.[TRIGGER_TIME_ANNOTATION]) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
