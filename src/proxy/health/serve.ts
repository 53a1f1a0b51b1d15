/** The proxy's own addresses: its health for load balancers' controllers, and its state for those who look after it. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { METRICS_TYPE, type Metric, printMetrics } from '../../lib/metrics.ts';
import { metricsOf, type ProxyState, statusOf } from '../metrics/state.ts';
import { endpointMetricsAnswer, metricsAnswer, type TrafficSource, trafficAnswer } from '../traffic/answers.ts';
import { healthz, livez } from './answers.ts';
import { type Answer, type Answerer, JSON_HEADERS, type Listen, type ListenAddress } from './listen.ts';
import { Listeners } from './listeners.ts';

/** Where the proxy can be asked. Nowhere by default. */
export interface ProxyAddresses {
  /** For `/healthz` and `/livez`; kube-proxy's is port 10256 of all addresses. */
  readonly health?: readonly ListenAddress[];
  /** For `/metrics`, `/status`, `/traffic` and `/proxyMode` besides, which tell the names of Services; kube-proxy's is port 10249 of 127.0.0.1. */
  readonly metrics?: readonly ListenAddress[];
}

export interface ServeOptions {
  readonly addresses: ProxyAddresses;
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Logger;
  readonly state: () => ProxyState;
  /** Metrics besides those of the state. */
  readonly metrics?: () => readonly Metric[];
  /** What the mode counts of traffic, if it does: for `/traffic` and `/metrics/endpoints`, and part of `/metrics`. */
  readonly traffic?: TrafficSource;
}

/** Opens them, and keeps trying those that somebody else has. The caller closes them. */
export function serveProxy(options: ServeOptions): Listeners {
  const { addresses, listen, clock, log } = options;
  const listeners = new Listeners({
    ...{ listen, clock },
    onFailure: ({ address, port }, err, retryInMs) => {
      log.warn({ err, address, port, retryInMs }, 'cannot listen for questions about health and metrics');
    },
  });
  // First those that answer more, in case that an address is given for both.
  for (const at of addresses.metrics ?? []) listeners.want(at, (path) => answer(path, options));
  for (const at of addresses.health ?? []) listeners.want(at, (path) => healthAnswer(path, options.state()));
  return listeners;
}

function answer(path: string, { state, metrics, traffic }: ServeOptions): ReturnType<Answerer> {
  switch (path) {
    case '/metrics': {
      const all = [...metricsOf(state()), ...(metrics?.() ?? [])];
      return traffic === undefined ? text(METRICS_TYPE, printMetrics(all)) : metricsAnswer(all, traffic);
    }
    case '/metrics/endpoints':
      return traffic && endpointMetricsAnswer(traffic);
    case '/traffic':
      return traffic && trafficAnswer(traffic);
    case '/status':
      return { code: 200, headers: JSON_HEADERS, body: `${JSON.stringify(statusOf(state()), null, 2)}\n` };
    case '/proxyMode':
      return text('text/plain; charset=utf-8', state().mode);
    default:
      return healthAnswer(path, state());
  }
}

function healthAnswer(path: string, { health, nodeEligible }: ProxyState): Answer | undefined {
  if (path === '/healthz') return healthz(health, nodeEligible);
  return path === '/livez' ? livez(health) : undefined;
}

const text = (type: string, body: string): Answer => ({
  ...{ code: 200, body },
  headers: { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' },
});
