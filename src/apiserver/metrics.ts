/** Counts and durations of requests. Names are those of Kubernetes' API server. */
import { Histogram, type Labels, type Metric, printMetrics } from '../lib/metrics.ts';

/** In seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** What a request was, as labels: few values each, none of them chosen by clients. */
export interface RequestLabels {
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
}

/** What is known of connections to nodes. */
interface Links {
  readonly nodes: number;
  readonly connections: number;
}

export class Metrics {
  readonly #links: Links;
  readonly #more: () => Iterable<Metric>;
  readonly #running = new Map<string, { readonly labels: Labels; value: number }>();
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>();
  readonly #durations = new Map<string, { readonly labels: Labels; readonly values: Histogram }>();

  constructor(links: Links, more: () => Iterable<Metric> = () => []) {
    this.#links = links;
    this.#more = more;
  }

  /** Counts a request that runs long while it runs. `labels` are few. */
  async during<T>(labels: Labels, work: () => Promise<T>): Promise<T> {
    const key = Object.values(labels).join(' ');
    const running = this.#running.get(key) ?? { labels, value: 0 };
    this.#running.set(key, running);
    running.value++;
    try {
      return await work();
    } finally {
      running.value--;
    }
  }

  /** Records a request that ended after `duration` seconds. Watches and streams are counted and not timed. */
  observe({ verb, resource, code }: RequestLabels, duration: number): void {
    const counter = `${verb} ${resource} ${code}`;
    const count = this.#counts.get(counter) ?? { labels: { verb, resource, code: `${code}` }, value: 0 };
    this.#counts.set(counter, count);
    count.value++;
    if (verb === 'watch' || verb === 'connect') return;
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
      {
        ...{ name: 'apiserver_longrunning_requests', type: 'gauge', help: 'Streams of pods that are open now.' },
        samples: [...this.#running.values()],
      },
      {
        ...{ name: 'postern_connected_nodes', type: 'gauge', help: 'Nodes whose agents can be asked for streams.' },
        samples: [{ value: this.#links.nodes }],
      },
      {
        ...{
          name: 'postern_node_connections',
          type: 'gauge',
          help: 'Connections that agents have opened for streams.',
        },
        samples: [{ value: this.#links.connections }],
      },
      ...this.#more(),
    ]);
  }
}
