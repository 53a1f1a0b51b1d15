/**
 * Whether the proxy keeps up: it does while no change waits too long for its way into the kernel.
 * https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/3458-remove-transient-node-predicates-from-service-controller
 */
import type { Clock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';

/** As long as kube-proxy waits: twice its longest time between syncs. */
const PATIENCE = seconds(60);

/** Times are in milliseconds since 1970. */
export interface HealthReport {
  readonly healthy: boolean;
  /** When the kernel was last known to have everything; undefined before it had. */
  readonly lastUpdated: number | undefined;
  readonly currentTime: number;
}

export class ProxyHealth {
  readonly #clock: Clock;
  #lastUpdated: number | undefined;
  /** Since when a change waits. The first load waits from the beginning. */
  #waitingSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#waitingSince = clock.steady();
  }

  /** Something is to be brought into the kernel. */
  queued(): void {
    this.#waitingSince ??= this.#clock.steady();
  }

  /** The kernel has what it was to have; what came meanwhile has waited since now, if anything has. */
  updated(more = false): void {
    this.#lastUpdated = this.#clock.now();
    this.#waitingSince = more ? this.#clock.steady() : undefined;
  }

  report(): HealthReport {
    const currentTime = this.#clock.now();
    if (this.#waitingSince === undefined) return { healthy: true, lastUpdated: currentTime, currentTime };
    const started = this.#lastUpdated !== undefined;
    const healthy = started && this.#clock.steady() - this.#waitingSince < PATIENCE;
    return { healthy, lastUpdated: this.#lastUpdated, currentTime };
  }
}
