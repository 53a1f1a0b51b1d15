/** Reads what the kernel counts: every minute, so that nothing is forgotten there unread, and when somebody asks. */
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { minutes } from '../../lib/duration.ts';
import { type Ownership, ownerOf } from './owner.ts';
import type { TrafficReadings } from './reading.ts';
import { TrafficTotals } from './totals.ts';

const INTERVAL = minutes(1);

export interface TrafficMeterOptions {
  readonly read: () => TrafficReadings;
  /** Asked anew for each reading. */
  readonly ownership: () => Ownership;
  readonly exists: (service: string) => boolean;
  readonly log: Logger;
  readonly clock?: Clock;
}

export class TrafficMeter {
  readonly #options: TrafficMeterOptions;
  readonly #totals = new TrafficTotals();
  #reading: Promise<void> | undefined;

  constructor(options: TrafficMeterOptions) {
    this.#options = options;
  }

  /** Reads until the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    const { clock = systemClock, log } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
      if (signal.aborted) return;
      await this.totals().catch((err: unknown) => log.warn({ err }, 'cannot read what the kernel counted of traffic'));
    }
  }

  /** As it is now. Who asks while it is being read is told of that reading. Throws what kept it from being read. */
  async totals(): Promise<TrafficTotals> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#totals;
  }

  async #read(): Promise<void> {
    const { read, ownership, exists } = this.#options;
    const known = ownership();
    await this.#totals.fold(read(), (reading) => ownerOf(reading, known), exists);
  }
}
