/** What trying comes to, as metrics. */
import type { Metric } from '../../lib/metrics.ts';
import { Histogram } from '../../lib/metrics.ts';
import type { Outcome } from './outcome.ts';

/** Seconds, of connections that were answered. */
const BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5];

export class TryStats {
  readonly #counts = new Map<Outcome['kind'], number>();
  readonly #answered = new Histogram(BOUNDS);

  /** `duration` in seconds. */
  count({ kind }: Outcome, duration: number): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    if (kind === 'reached') this.#answered.observe(duration);
  }

  metrics(blocked: number): readonly Metric[] {
    return [
      {
        ...{ name: 'postern_firewall_tries_total', type: 'counter' },
        help: 'Connections tried to exposed ports of other nodes, by what came of them.',
        samples: [...this.#counts].map(([outcome, value]) => ({ labels: { outcome }, value })),
      },
      {
        ...{ name: 'postern_firewall_blocked_ports', type: 'gauge' },
        help: 'Exposed ports of other nodes that this node could not reach when it last tried.',
        samples: [{ value: blocked }],
      },
      {
        ...{ name: 'postern_firewall_try_seconds', type: 'histogram' },
        help: 'How long it took until somebody answered.',
        series: [{ values: this.#answered }],
      },
    ];
  }
}
