import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import type { ProxyState } from '../metrics/state.ts';
import { SyncStats } from '../metrics/stats.ts';
import { TrafficTotals } from '../traffic/totals.ts';
import { FakeListen } from './listen-fake.ts';
import { type ProxyAddresses, type ServeOptions, serveProxy } from './serve.ts';

const HEALTH = { address: '0.0.0.0', port: 10256 };
const METRICS = { address: '127.0.0.1', port: 10249 };

async function serving(addresses: ProxyAddresses, parts: Partial<ProxyState> = {}, more: Partial<ServeOptions> = {}) {
  const listening = new FakeListen();
  const stats = new SyncStats();
  const state: ProxyState = {
    ...{ mode: 'nftables', stats, nodeEligible: true, waiting: 0, refused: [], omitted: [] },
    health: { healthy: true, lastUpdated: 60_000, currentTime: 60_000 },
    flows: { deleted: 7, looks: 2, failures: 0 },
    healthChecks: { size: 3, failing: 1 },
    ...parts,
  };
  const listeners = serveProxy({
    ...{ addresses, listen: listening.listen, clock: new FakeClock(), log: silentLogger, state: () => state },
    metrics: () => [{ name: 'more', help: 'More.', type: 'gauge', samples: [{ value: 5 }] }],
    ...more,
  });
  await new Promise(setImmediate);
  const ask = ({ address, port }: typeof HEALTH, path: string) => listening.ask(address, port, path);
  return { listening, listeners, stats, ask };
}

test('tells its health at one address, and all else at another', async () => {
  const { ask, listening, listeners } = await serving({ health: [HEALTH], metrics: [METRICS] });
  for (const at of [HEALTH, METRICS]) {
    assert.equal(ask(at, '/healthz')?.code, 200);
    assert.equal(ask(at, '/livez')?.code, 200);
    assert.equal(ask(at, '/')?.code, undefined);
  }
  for (const path of ['/metrics', '/status', '/proxyMode']) {
    assert.equal(ask(HEALTH, path), undefined);
    assert.equal(ask(METRICS, path)?.code, 200);
  }
  assert.equal(ask(METRICS, '/proxyMode')?.body, 'nftables');
  await listeners.close();
  assert.deepEqual(listening.open, []);
});

test('an address that is given for both answers everything', async () => {
  const { ask } = await serving({ health: [HEALTH], metrics: [HEALTH] });
  assert.equal(ask(HEALTH, '/metrics')?.code, 200);
});

test('tells its counts, how long changes took, and which took longest', async () => {
  const { ask, stats } = await serving({ metrics: [METRICS] }, { refused: ['shop/bad'], omitted: [['shop/big', 17]] });
  Object.assign(stats, { syncs: 12, fullSyncs: 2, failures: 1, restored: 4, lastSync: 30_500 });
  for (const [service, arrived] of [
    ['shop/web', 0],
    ['shop/web', 60],
    ['shop/api', 90],
  ] as const) {
    stats.latency.record({ service, arrived, triggered: 58_000 }, { performance: 100, wall: 60_000 });
  }
  const lines = new Set(ask(METRICS, '/metrics')?.body.split('\n'));
  for (const line of [
    'postern_proxy_mode{mode="nftables"} 1',
    'postern_proxy_syncs_total 12',
    'postern_proxy_full_syncs_total 2',
    'postern_proxy_sync_failures_total 1',
    'postern_proxy_rules_restored_total 4',
    'postern_proxy_refused_services 1',
    'postern_proxy_service_refused{service="shop/bad"} 1',
    'postern_proxy_omitted_endpoints{service="shop/big"} 17',
    'kubeproxy_sync_proxy_rules_last_timestamp_seconds 30.5',
    'postern_proxy_programming_duration_seconds_bucket{le="0.01"} 1',
    'postern_proxy_programming_duration_seconds_bucket{le="0.05"} 2',
    'postern_proxy_programming_duration_seconds_count 3',
    'kubeproxy_network_programming_duration_seconds_sum 6',
    'postern_proxy_slowest_change_seconds{service="shop/web"} 0.1',
    'postern_proxy_slowest_change_seconds{service="shop/api"} 0.01',
    'postern_proxy_stale_flows_deleted_total 7',
    'postern_proxy_health_check_services 3',
    'postern_proxy_health_check_listeners_failing 1',
    'more 5',
  ]) {
    assert(lines.has(line), line);
  }
});

test('tells of traffic where the mode counts it', async () => {
  const without = await serving({ metrics: [METRICS] });
  for (const path of ['/traffic', '/metrics/endpoints']) assert.equal(without.ask(METRICS, path), undefined);
  const totals = async () => new TrafficTotals();
  const traffic = { node: 'node1', mode: 'nftables', now: () => 5, totals };
  const { listening } = await serving({ health: [HEALTH], metrics: [METRICS] }, {}, { traffic });
  const ask = async ({ address, port }: typeof HEALTH, path: string) =>
    (await listening.askLater(address, port, path))?.body;
  assert.match((await ask(METRICS, '/traffic')) ?? '', /"node":"node1"/);
  assert.match(
    (await ask(METRICS, '/metrics/endpoints')) ?? '',
    /^# TYPE postern_proxy_endpoint_bytes_total counter$/m,
  );
  const metrics = (await ask(METRICS, '/metrics')) ?? '';
  for (const name of ['postern_proxy_syncs_total', 'more', 'postern_proxy_service_bytes_total']) {
    assert.match(metrics, new RegExp(`^# TYPE ${name} `, 'm'));
  }
  assert.equal(await ask(HEALTH, '/traffic'), undefined);
});

test('tells the same as JSON, with the time of each of the slowest changes', async () => {
  const { ask, stats } = await serving({ metrics: [METRICS] }, { refused: ['shop/bad'] });
  stats.latency.record({ service: 'shop/web', arrived: 0 }, { performance: 100, wall: 60_000 });
  const status = JSON.parse(ask(METRICS, '/status')?.body ?? '');
  assert.deepEqual(status.refused, ['shop/bad']);
  assert.deepEqual(status.changes, {
    ...{ count: 1, medianMilliseconds: 100, p99Milliseconds: 100 },
    slowest: [{ service: 'shop/web', milliseconds: 100, at: '1970-01-01T00:01:00Z' }],
  });
  assert.deepEqual(status.staleFlows, { deleted: 7, looks: 2, failures: 0 });
});
