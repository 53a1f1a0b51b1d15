/** Counts and durations of requests, in the Prometheus text format. Names are those of Kubernetes' API server. */
const BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10];

interface Series {
  count: number;
  sum: number;
  readonly buckets: number[];
}

/** What a request was, as labels: few values each, none of them chosen by clients. */
export interface RequestLabels {
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
}

export class Metrics {
  readonly #counts = new Map<string, number>();
  readonly #durations = new Map<string, Series>();

  /** Records a request that ended after `duration` seconds. Watches are counted and not timed. */
  observe({ verb, resource, code }: RequestLabels, duration: number): void {
    const labels = `verb="${verb}",resource="${resource}"`;
    const counter = `${labels},code="${code}"`;
    this.#counts.set(counter, (this.#counts.get(counter) ?? 0) + 1);
    if (verb === 'watch') return;
    const series = this.#durations.get(labels) ?? { count: 0, sum: 0, buckets: BUCKETS.map(() => 0) };
    this.#durations.set(labels, series);
    series.count++;
    series.sum += duration;
    for (const [i, bound] of BUCKETS.entries()) if (duration <= bound) series.buckets[i] = (series.buckets[i] ?? 0) + 1;
  }

  print(): string {
    const lines = ['# TYPE apiserver_request_total counter'];
    for (const [labels, count] of this.#counts) lines.push(`apiserver_request_total{${labels}} ${count}`);
    lines.push('# TYPE apiserver_request_duration_seconds histogram');
    const name = 'apiserver_request_duration_seconds';
    for (const [labels, { count, sum, buckets }] of this.#durations) {
      for (const [i, bound] of BUCKETS.entries()) lines.push(`${name}_bucket{${labels},le="${bound}"} ${buckets[i]}`);
      lines.push(
        `${name}_bucket{${labels},le="+Inf"} ${count}`,
        `${name}_sum{${labels}} ${sum}`,
        `${name}_count{${labels}} ${count}`,
      );
    }
    return `${lines.join('\n')}\n`;
  }
}
