/** The proxy's state, for those who look after it: as metrics and as JSON. */
import { printTime } from '../../api/time.ts';
import type { Metric } from '../../lib/metrics.ts';
import type { HealthReport } from '../health/proxy-health.ts';
import type { SyncStats } from './stats.ts';

/** Services that are named at most: names must not make the answer large. */
const NAMED = 100;

/** What is read at the moment that somebody asks. */
export interface ProxyState {
  readonly mode: string;
  readonly stats: SyncStats;
  readonly health: HealthReport;
  readonly nodeEligible: boolean;
  /** Services with changes that are not in the kernel yet. */
  readonly waiting: number;
  /** Services whose rules the kernel refuses. */
  readonly refused: readonly string[];
  /** Services with more endpoints than are forwarded to, and how many are left out. */
  readonly omitted: readonly (readonly [service: string, omitted: number])[];
  readonly flows: { readonly deleted: number; readonly looks: number; readonly failures: number };
  /** Services that load balancers ask for, and the listeners for them that cannot be opened. */
  readonly healthChecks: { readonly size: number; readonly failing: number };
}

/** As text for Prometheus. Names of kube-proxy's mean what they mean there. */
export function metricsOf(state: ProxyState): readonly Metric[] {
  const { stats, flows, health, healthChecks } = state;
  return [
    gauge('postern_proxy_mode', 'The way in which the kernel is programmed.', 1, { mode: state.mode }),
    gauge('postern_proxy_healthy', 'Whether changes reach the kernel in time.', health.healthy ? 1 : 0),
    counter('postern_proxy_syncs_total', 'Transactions that took effect.', stats.syncs),
    counter('postern_proxy_full_syncs_total', 'Transactions that replaced everything.', stats.fullSyncs),
    counter('postern_proxy_sync_failures_total', 'Transactions that were refused.', stats.failures),
    counter('postern_proxy_rules_restored_total', 'Times that rules were gone and were put back.', stats.restored),
    gauge('postern_proxy_refused_services', 'Services whose rules the kernel refuses.', state.refused.length),
    {
      ...{ name: 'postern_proxy_service_refused', type: 'gauge', help: 'A Service whose rules the kernel refuses.' },
      samples: state.refused.slice(0, NAMED).map((service) => ({ labels: { service }, value: 1 })),
    },
    {
      ...{ name: 'postern_proxy_omitted_endpoints', type: 'gauge' },
      help: 'Endpoints of a Service that are left out, as there are more than can be forwarded to.',
      samples: state.omitted.slice(0, NAMED).map(([service, value]) => ({ labels: { service }, value })),
    },
    gauge('postern_proxy_waiting_services', 'Services with changes that are not in the kernel yet.', state.waiting),
    {
      ...{ name: 'kubeproxy_sync_proxy_rules_last_timestamp_seconds', type: 'gauge' },
      help: 'When a transaction took effect last.',
      samples: stats.lastSync === undefined ? [] : [{ value: stats.lastSync / 1000 }],
    },
    ...latencyMetrics(state),
    counter('postern_proxy_stale_flows_deleted_total', 'UDP flows that led to no endpoint, ended.', flows.deleted),
    counter('postern_proxy_flow_looks_total', 'Times that the flows of the kernel were listed.', flows.looks),
    counter('postern_proxy_flow_look_failures_total', 'Times that they could not be.', flows.failures),
    gauge('postern_proxy_health_check_services', 'Services that load balancers ask for.', healthChecks.size),
    gauge(
      'postern_proxy_health_check_listeners_failing',
      'Addresses and ports of health checks that cannot be listened on.',
      healthChecks.failing,
    ),
  ];
}

function latencyMetrics({ stats, health }: ProxyState): readonly Metric[] {
  const { latency } = stats;
  // One Service may have several of the slowest changes: the first is its slowest.
  const slowest = new Map<string, number>();
  for (const { service, milliseconds } of latency.slowest(health.currentTime)) {
    if (!slowest.has(service)) slowest.set(service, milliseconds / 1000);
  }
  return [
    {
      ...{ name: 'postern_proxy_programming_duration_seconds', type: 'histogram' },
      help: 'From the arrival of a change at this node until it was in the kernel.',
      series: [{ values: latency.fromArrival }],
    },
    {
      ...{ name: 'kubeproxy_network_programming_duration_seconds', type: 'histogram' },
      help: 'From what set a change of endpoints off until it was in the kernel.',
      series: [{ values: latency.fromTrigger }],
    },
    {
      ...{ name: 'postern_proxy_slowest_change_seconds', type: 'gauge' },
      help: 'The slowest changes of the last hour, by their Services.',
      samples: [...slowest].map(([service, value]) => ({ labels: { service }, value })),
    },
  ];
}

/** As JSON for people and programs. */
export function statusOf(state: ProxyState): object {
  const { mode, stats, health, flows, healthChecks, waiting, nodeEligible } = state;
  const { syncs, fullSyncs, failures, restored, latency } = stats;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : printTime(ms));
  return {
    mode,
    ...{ healthy: health.healthy, nodeEligible, lastUpdated: time(health.lastUpdated), waiting },
    ...{ syncs, fullSyncs, failures, restored, lastSync: time(stats.lastSync) },
    refused: state.refused.slice(0, NAMED),
    omittedEndpoints: Object.fromEntries(state.omitted.slice(0, NAMED)),
    changes: {
      count: latency.count,
      medianMilliseconds: latency.quantile(0.5),
      p99Milliseconds: latency.quantile(0.99),
      slowest: latency
        .slowest(health.currentTime)
        .map(({ service, milliseconds, at }) => ({ service, milliseconds, at: printTime(at) })),
    },
    staleFlows: flows,
    healthChecks: { services: healthChecks.size, listenersFailing: healthChecks.failing },
  };
}

type Simple = (name: string, help: string, value: number, labels?: Readonly<Record<string, string>>) => Metric;
const counter: Simple = (name, help, value) => ({ name, help, type: 'counter', samples: [{ value }] });
const gauge: Simple = (name, help, value, labels = {}) => ({ name, help, type: 'gauge', samples: [{ labels, value }] });
