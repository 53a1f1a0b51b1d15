/** Traffic for those who ask the proxy. */
import { paced } from '../../host/paced.ts';
import { METRICS_TYPE, type Metric, metricLines } from '../../lib/metrics.ts';
import { type Answer, JSON_HEADERS } from '../health/listen.ts';
import { endpointMetrics, serviceMetrics } from './metrics.ts';
import { reportPieces } from './report.ts';
import type { TrafficTotals } from './totals.ts';

export interface TrafficSource {
  readonly node: string;
  readonly mode: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Reads what passed until now. */
  readonly totals: () => Promise<TrafficTotals>;
}

/** `/traffic`: everything, as JSON. */
export async function trafficAnswer({ node, mode, now, totals }: TrafficSource): Promise<Answer> {
  const ports = (await totals()).ports;
  return { code: 200, headers: JSON_HEADERS, body: await joined(reportPieces({ node, mode, at: now() }, ports)) };
}

/** `/metrics`: these, and traffic by Service. */
export async function metricsAnswer(others: readonly Metric[], { totals }: TrafficSource): Promise<Answer> {
  return metricsText([...others, ...serviceMetrics((await totals()).ports)]);
}

/** `/metrics/endpoints`: traffic by endpoint. */
export async function endpointMetricsAnswer({ totals }: TrafficSource): Promise<Answer> {
  return metricsText(endpointMetrics((await totals()).ports));
}

async function metricsText(metrics: Iterable<Metric>): Promise<Answer> {
  const headers = { 'Content-Type': METRICS_TYPE, 'X-Content-Type-Options': 'nosniff' };
  return { code: 200, headers, body: await joined(metricLines(metrics)) };
}

async function joined(pieces: Iterable<string>): Promise<string> {
  const all: string[] = [];
  const breathe = paced();
  for (const piece of pieces) {
    all.push(piece);
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
  return all.join('');
}
