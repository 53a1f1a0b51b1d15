import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event } from '../../api/core/v1/event.ts';
import { Service } from '../../api/core/v1/service.ts';
import { TRIGGER_TIME_ANNOTATION } from '../../api/discovery/v1/endpointslice.labels.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { fakeClient } from '../../client/fake.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { MemoryConntrack } from '../../netfilter/conntrack/memory.ts';
import { MemoryNetfilter } from '../../netfilter/memory.ts';
import type { Placed } from '../../netfilter/model.ts';
import { FakeListen } from '../health/listen-fake.ts';
import { nftablesMode } from '../nftables/nftables-mode.ts';
import { startProxy } from '../proxy.ts';
import { service, slice } from '../testing/builders.ts';
import { LOCALITIES, NODE_ADDRESSES, NODE_NAME } from '../testing/node.ts';

const [NODE, NODE6] = NODE_ADDRESSES;
const NOW = Date.parse('2026-01-01T00:00:00Z');

/** A proxy whose kernel and sockets are in memory. `change` resolves when the kernel has what it changed. */
async function running(objects: readonly KubeObject[], taken: readonly string[] = []) {
  const client = fakeClient(objects);
  const clock = new FakeClock(NOW);
  const netfilter = new MemoryNetfilter();
  const listening = new FakeListen();
  for (const one of taken) listening.taken.add(one);
  const controller = new AbortController();
  let synced = () => {};
  const proxy = await startProxy(
    {
      ...{ client, clock, nodeName: NODE_NAME, log: silentLogger, listen: listening.listen },
      ...{ mode: nftablesMode({ netfilter, localities: LOCALITIES }), conntrack: new MemoryConntrack() },
      nodeAddresses: () => NODE_ADDRESSES.map((text) => mustParseIP(text)),
      serve: { health: [{ address: '0.0.0.0', port: 10256 }], metrics: [{ address: '127.0.0.1', port: 10249 }] },
      nodeEligible: () => client.writes.length < 100,
      onSynced: () => synced(),
    },
    controller.signal,
  );
  await turns();
  return {
    ...{ client, clock, netfilter, listening, proxy },
    change: async (write: () => Promise<unknown>) => {
      const done = new Promise<void>((resolve) => {
        synced = resolve;
      });
      await write();
      await done;
    },
    stop: async () => {
      controller.abort();
      await proxy.stopped;
    },
  };
}

const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

const local = service(
  'web',
  {
    ...{ type: 'LoadBalancer', clusterIPs: ['10.96.0.10', 'fd00:10:96::10'], healthCheckNodePort: 32000 },
    externalTrafficPolicy: 'Local',
  },
  ['192.168.50.200'],
);
const here = (...ips: string[]) =>
  slice(
    'web',
    ips.map((ip) => ({ addresses: [ip], nodeName: NODE_NAME })),
    { addressType: 'IPv4' },
  );
const triggered = (of: EndpointSlice, time: string): EndpointSlice => ({
  ...of,
  metadata: { ...of.metadata, annotations: { [TRIGGER_TIME_ANNOTATION]: time } },
});

test('load balancers are told how many endpoints the node has, as endpoints come and go', async () => {
  const { client, change, listening, stop } = await running([local, here('10.244.1.1', '10.244.1.2')]);
  assert.deepEqual(
    listening.open.filter((at) => at.endsWith('32000')),
    [`${NODE} 32000`, `${NODE6} 32000`],
  );
  const weight = () => listening.ask(NODE, 32000)?.headers['X-Load-Balancing-Endpoint-Weight'];
  assert.deepEqual([listening.ask(NODE, 32000)?.code, weight()], [200, '2']);
  await change(() => client.update(EndpointSlice, here('10.244.1.1')));
  assert.equal(weight(), '1');
  await change(() => client.update(EndpointSlice, here()));
  assert.equal(listening.ask(NODE, 32000)?.code, 503);
  await change(() => client.delete(Service, { namespace: 'default', name: 'web' }));
  await turns();
  assert.deepEqual(
    listening.open.filter((at) => at.endsWith('32000')),
    [],
  );
  await stop();
  assert.deepEqual(listening.open, []);
});

test('a health check port that somebody else has is an event on the Service, and is tried again', async () => {
  const { client, clock, listening, proxy, stop } = await running([local, here('10.244.1.1')], [`${NODE} 32000`]);
  const events = async () => (await client.list(Event)).items;
  while ((await events()).length === 0) await new Promise(setImmediate);
  const [event] = await events();
  assert.deepEqual(
    [event?.reason, event?.type, event?.involvedObject.name],
    ['FailedToStartServiceHealthcheck', 'Warning', 'web'],
  );
  assert.match(event?.message ?? '', /^Node node1 cannot answer health checks at 192\.168\.50\.1:32000, .*EADDRINUSE/);
  assert.equal(proxy.state().healthChecks.failing, 1);
  listening.taken.clear();
  await clock.advance(seconds(2));
  await turns();
  assert.equal(listening.ask(NODE, 32000)?.code, 200);
  await stop();
});

test('every change is measured from its arrival, and from its trigger where it tells; the first load is not', async () => {
  const first = triggered(here('10.244.1.1'), '2025-12-31T23:00:00Z');
  const { client, change, clock, proxy, stop } = await running([local, first]);
  const { latency } = proxy.stats;
  assert.deepEqual([latency.count, latency.fromTrigger.count], [0, 0]);
  await clock.advance(seconds(10));
  await change(() => client.update(EndpointSlice, triggered(here('10.244.1.2'), '2026-01-01T00:00:08Z')));
  await change(() => client.update(EndpointSlice, here('10.244.1.3')));
  assert.deepEqual([latency.count, latency.fromTrigger.count, latency.fromTrigger.sum], [2, 1, 2]);
  const [slowest] = latency.slowest(clock.now());
  assert.equal(slowest?.service, 'default/web');
  assert.equal(slowest?.at, NOW + seconds(10));
  await stop();
});

test('a change that the kernel refuses is named and not counted as one that it has', async () => {
  const { client, change, netfilter, proxy, stop } = await running([local, here('10.244.1.1')]);
  netfilter.refuse((placed: Placed) => JSON.stringify(placed.element.value ?? '').includes('10.244.1.66'));
  await change(() => client.update(EndpointSlice, here('10.244.1.66')));
  assert.deepEqual(proxy.state().refused, ['default/web']);
  assert.equal(proxy.stats.latency.count, 0);
  await stop();
});

test('endpoints that are more than can be forwarded to are counted, and told of on the Service once until there are none', async () => {
  const addresses = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `10.244.${Math.floor((from + i) / 250)}.${((from + i) % 250) + 1}`);
  const named = (part: number, ips: readonly string[]): EndpointSlice => {
    const whole = here(...ips);
    return { ...whole, metadata: { ...whole.metadata, name: `web-${part}` } };
  };
  const full = [0, 1, 2, 3].map((part) => named(part, addresses(part * 1000, (part + 1) * 1000)));
  const last = (count: number) => named(4, addresses(4000, count));
  const { client, change, proxy, stop } = await running([local, ...full, last(4095)]);
  assert.deepEqual(proxy.state().omitted, []);
  await change(() => client.update(EndpointSlice, last(4095 - 10)));
  await change(() => client.update(EndpointSlice, last(4096)));
  assert.deepEqual(proxy.state().omitted, [['default/web', 1]]);
  await client.update(EndpointSlice, last(4100));
  await turns();
  assert.deepEqual(proxy.state().omitted, [['default/web', 5]]);
  await change(() => client.update(EndpointSlice, last(4010)));
  assert.deepEqual(proxy.state().omitted, []);
  const events = async () => (await client.list(Event)).items;
  while ((await events()).length === 0) await new Promise(setImmediate);
  await turns();
  const told = (await events()).map(({ reason, count, message, involvedObject }) => [
    ...[reason, count, involvedObject.kind, involvedObject.name],
    message?.split(':')[1]?.split('.')[0],
  ]);
  assert.deepEqual(told, [
    ['TooManyEndpoints', 1, 'Service', 'web', ' one endpoint is left out, and gets no new connections'],
  ]);
  await stop();
});

test('rules that somebody removes are put back, counted, and told of on the Node', async () => {
  const { client, change, clock, netfilter, proxy, stop } = await running([local, here('10.244.1.1')]);
  netfilter.flushRuleset();
  await change(() => clock.advance(seconds(6)));
  assert.equal(proxy.stats.restored, 1);
  const events = async () => (await client.list(Event)).items;
  while ((await events()).length === 0) await new Promise(setImmediate);
  const [event] = await events();
  assert.deepEqual(
    [event?.reason, event?.involvedObject.kind, event?.involvedObject.name, event?.metadata.namespace],
    ['ServiceRulesRemoved', 'Node', NODE_NAME, 'default'],
  );
  await stop();
});

test('is healthy once everything is loaded, and not while a kernel takes nothing', async () => {
  const { client, clock, netfilter, listening, proxy, stop } = await running([local, here('10.244.1.1')]);
  const code = (path: string) => listening.ask('0.0.0.0', 10256, path)?.code;
  assert.deepEqual([code('/healthz'), code('/livez')], [200, 200]);
  const metrics = await listening.askLater('127.0.0.1', 10249, '/metrics');
  assert.match(metrics?.body ?? '', /^postern_proxy_full_syncs_total 1$/m);
  netfilter.flushRuleset();
  for (let i = 0; i < 100; i++) netfilter.failNext(new Error('Cannot allocate memory'));
  await client.update(EndpointSlice, here('10.244.1.2'));
  while (proxy.stats.failures === 0) await new Promise(setImmediate);
  assert.equal(code('/livez'), 200);
  for (let i = 0; i < 70; i++) {
    await clock.advance(seconds(1));
    await turns();
  }
  assert.equal(code('/livez'), 503);
  assert.equal(listening.ask(NODE, 32000)?.code, 503);
  await stop();
});
