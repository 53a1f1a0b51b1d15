/** Counts and durations of requests. Names are those of Kubernetes' API server. */
import { Histogram, type Labels, printMetrics } from '../lib/metrics.ts';

/** In seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** What a request was, as labels: few values each, none of them chosen by clients. */
export interface RequestLabels {
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
}

export class Metrics {
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>();
  readonly #durations = new Map<string, { readonly labels: Labels; readonly values: Histogram }>();

  /** Records a request that ended after `duration` seconds. Watches are counted and not timed. */
  observe({ verb, resource, code }: RequestLabels, duration: number): void {
    const counter = `${verb} ${resource} ${code}`;
    const count = this.#counts.get(counter) ?? { labels: { verb, resource, code: `${code}` }, value: 0 };
    this.#counts.set(counter, count);
    count.value++;
    if (verb === 'watch') return;
    const key = `${verb} ${resource}`;
    const series = this.#durations.get(key) ?? { labels: { verb, resource }, values: new Histogram(BUCKETS) };
    this.#durations.set(key, series);
    series.values.observe(duration);
  }

  print(): string {
    return printMetrics([
      {
        ...{ name: 'apiserver_request_total', type: 'counter', help: 'Requests by what they were and their answer.' },
        samples: [...this.#counts.values()],
      },
      {
        ...{ name: 'apiserver_request_duration_seconds', type: 'histogram', help: 'How long requests took.' },
        series: [...this.#durations.values()],
      },
    ]);
  }
}
