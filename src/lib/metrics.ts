/**
 * Measurements and their text for Prometheus, by the exposition format 0.0.4.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

export type Labels = Readonly<Record<string, string>>;

/** The media type of {@link printMetrics}. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** Everything measured under one name. */
export type Metric = { readonly name: string; readonly help: string } & (
  | { readonly type: 'counter' | 'gauge'; readonly samples: Iterable<Sample> }
  | { readonly type: 'histogram'; readonly series: readonly { readonly labels?: Labels; readonly values: Histogram }[] }
);

/** How many observations stayed within each of some bounds. Takes the same memory however many there are. */
export class Histogram {
  /** Ascending, in the unit of what is observed. */
  readonly bounds: readonly number[];
  sum = 0;
  count = 0;
  /** Observations above the bound before, and not above this one; above the last bound at the end. */
  readonly #counts: number[];

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const found = this.bounds.findIndex((bound) => value <= bound);
    const at = found < 0 ? this.bounds.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.sum += value;
    this.count++;
  }

  /** How many observations were at most each bound, in their order. */
  cumulative(): readonly number[] {
    let sum = 0;
    return this.bounds.map((_, i) => {
      sum += this.#counts[i] ?? 0;
      return sum;
    });
  }
}

/** All of them, in the order given. */
export function printMetrics(metrics: Iterable<Metric>): string {
  return [...metricLines(metrics)].join('');
}

/** The same, a line at a time: for those who have very many, and something else to do in between. */
export function* metricLines(metrics: Iterable<Metric>): Iterable<string> {
  for (const metric of metrics) for (const line of printMetric(metric)) yield `${line}\n`;
}

function* printMetric(metric: Metric): Iterable<string> {
  const { name, type, help } = metric;
  yield `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`;
  yield `# TYPE ${name} ${type}`;
  if (metric.type === 'histogram') {
    for (const { labels = {}, values } of metric.series) yield* printHistogram(name, labels, values);
  } else {
    for (const { labels = {}, value } of metric.samples) yield printSample(name, labels, value);
  }
}

function printHistogram(name: string, labels: Labels, values: Histogram): readonly string[] {
  const cumulative = values.cumulative();
  return [
    ...values.bounds.map((le, i) => printSample(`${name}_bucket`, { ...labels, le: `${le}` }, cumulative[i] ?? 0)),
    printSample(`${name}_bucket`, { ...labels, le: '+Inf' }, values.count),
    printSample(`${name}_sum`, labels, values.sum),
    printSample(`${name}_count`, labels, values.count),
  ];
}

function printSample(name: string, labels: Labels, value: number): string {
  const inner = Object.entries(labels).map(([label, text]) => `${label}="${quoted(text)}"`);
  return `${name}${inner.length === 0 ? '' : `{${inner.join(',')}}`} ${printNumber(value)}`;
}

const quoted = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function printNumber(value: number): string {
  return Number.isFinite(value) ? `${value}` : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
