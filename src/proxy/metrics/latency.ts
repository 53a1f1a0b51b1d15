/**
 * How long changes take into the kernel: the number that users feel. Measured for every change, from its arrival at this
 * node, and from what set it off where the EndpointSlice tells.
 */
import { minutes } from '../../lib/duration.ts';
import { Histogram } from '../../lib/metrics.ts';

/** Samples that quantiles are taken over: the latest ones. */
const WINDOW = 4096;
/** The slowest changes that are remembered by name, and for how long. */
const SLOWEST = 10;
const REMEMBERED = minutes(60);

/** In seconds. A change of few elements takes well under a millisecond; a large load takes seconds. */
const ARRIVAL_BOUNDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** In seconds: as kube-proxy's, whose dashboards know them. Triggers are told in whole seconds. */
const TRIGGER_BOUNDS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300];

/** A change on its way into the kernel. */
export interface Change {
  /** `namespace/name`. */
  readonly service: string;
  /** When this node heard of it, by `performance.now()`. */
  readonly arrived: number;
  /** When what set it off happened, in milliseconds since 1970. */
  readonly triggered?: number;
}

export interface SlowChange {
  readonly service: string;
  /** From its arrival until it was in the kernel. */
  readonly milliseconds: number;
  /** When that was, in milliseconds since 1970. */
  readonly at: number;
}

export class Latency {
  /** From the arrival until it was in the kernel, in seconds. */
  readonly fromArrival = new Histogram(ARRIVAL_BOUNDS);
  /** From what set it off until it was in the kernel, in seconds: by the clocks of two machines. */
  readonly fromTrigger = new Histogram(TRIGGER_BOUNDS);
  readonly #samples = new Float64Array(WINDOW);
  #slowest: readonly SlowChange[] = [];

  /** The changes that were measured. */
  get count(): number {
    return this.fromArrival.count;
  }

  /** A change is in the kernel now: `performance.now()`, and the milliseconds since 1970. */
  record({ service, arrived, triggered }: Change, now: { readonly performance: number; readonly wall: number }): void {
    const milliseconds = now.performance - arrived;
    this.#samples[this.count % WINDOW] = milliseconds;
    this.fromArrival.observe(milliseconds / 1000);
    if (triggered !== undefined) this.fromTrigger.observe(Math.max(0, now.wall - triggered) / 1000);
    const slowest = this.slowest(now.wall);
    if ((slowest[SLOWEST - 1]?.milliseconds ?? -1) >= milliseconds) return;
    this.#slowest = [...slowest, { service, milliseconds, at: now.wall }]
      .sort((a, b) => b.milliseconds - a.milliseconds)
      .slice(0, SLOWEST);
  }

  /** The slowest changes of the last hour, the slowest first. */
  slowest(wall: number): readonly SlowChange[] {
    return this.#slowest.filter(({ at }) => at >= wall - REMEMBERED);
  }

  /** The time, in milliseconds, that this share of the latest changes stayed under; undefined before the first. */
  quantile(share: number): number | undefined {
    const count = Math.min(this.count, WINDOW);
    const sorted = this.#samples.slice(0, count).sort();
    return sorted[Math.min(count - 1, Math.floor(share * count))];
  }
}
