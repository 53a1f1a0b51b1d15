import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Event } from '../api/core/v1/event.ts';
import { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import type { Client } from '../client/client.ts';
import { fakeClient } from '../client/fake.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { seconds } from '../lib/duration.ts';
import { type IPAddress, mustParseCIDR, mustParseIP } from '../lib/ip.ts';
import type { Conntrack } from '../netfilter/conntrack/conntrack.ts';
import { MemoryConntrack } from '../netfilter/conntrack/memory.ts';
import { MemoryNetfilter } from '../netfilter/memory.ts';
import type { Placed } from '../netfilter/model.ts';
import { localitiesOf } from './locality.ts';
import { tableName } from './nftables/layout.ts';
import { nftablesMode } from './nftables/nftables-mode.ts';
import { startProxy } from './proxy.ts';
import { service, slice } from './testing/builders.ts';

interface Setting {
  readonly conntrack?: Conntrack;
  readonly cleanUp?: boolean;
  readonly netfilter?: MemoryNetfilter;
  readonly nodeAddresses?: () => readonly IPAddress[];
  readonly podCIDR?: string;
  readonly zone?: () => string;
}

/** A proxy on a netfilter in memory; `synced` resolves at the next transaction that takes effect. */
async function running(objects: readonly KubeObject[], setting: Setting = {}) {
  const { netfilter = new MemoryNetfilter(), nodeAddresses = () => [mustParseIP('192.168.50.1')] } = setting;
  const localities = localitiesOf({
    podCIDRs: [mustParseCIDR(setting.podCIDR ?? '10.244.1.0/24')],
    clusterCIDRs: [mustParseCIDR('10.244.0.0/16')],
  });
  const mode = nftablesMode({ netfilter, localities });
  const client = fakeClient(objects);
  const clock = new FakeClock();
  const controller = new AbortController();
  const waiting: (() => void)[] = [];
  const proxy = await startProxy(
    {
      ...{ client, mode, clock, nodeAddresses, nodeName: 'node1', log: silentLogger },
      conntrack: setting.conntrack ?? new MemoryConntrack(),
      cleanUp: setting.cleanUp ?? false,
      ...(setting.zone && { zone: setting.zone }),
      onSynced: () => {
        for (const resolve of waiting.splice(0)) resolve();
      },
    },
    controller.signal,
  );
  return {
    ...{ client, netfilter, clock, stats: proxy.stats },
    synced: () => new Promise<void>((resolve) => waiting.push(resolve)),
    stop: async () => {
      controller.abort();
      await proxy.stopped;
    },
    elements: (set: string) => [...(netfilter.table(tableName('IPv4'))?.sets.get(set)?.keys() ?? [])],
  };
}

const web = service('web', { clusterIPs: ['10.96.0.10'] });
const dns = service('dns', { clusterIPs: ['10.96.0.53'], ports: [{ port: 53, protocol: 'UDP' }] });
const dnsSlice = (...ips: string[]) => slice('dns', ips, { protocol: 'UDP', port: 5353, addressType: 'IPv4' });

test('has everything in the kernel when it has started, in one transaction', async () => {
  const proxy = await running([web, slice('web', ['10.244.1.5'])]);
  assert.deepEqual(proxy.elements('service'), ['10.96.0.10 . tcp . 80']);
  assert.equal(proxy.netfilter.applied.length, 1);
  await proxy.stop();
});

test('applies a change of endpoints as a few elements, and says how long it took', async () => {
  const proxy = await running([web, slice('web', ['10.244.1.5'])]);
  const done = proxy.synced();
  await proxy.client.update(EndpointSlice, slice('web', ['10.244.1.6']));
  await done;
  assert.deepEqual(
    proxy.netfilter.applied.at(-1)?.map(({ kind }) => kind),
    ['delete-element', 'add-element'],
  );
  assert.equal(proxy.stats.changes, 1);
  assert((proxy.stats.latency.quantile(0.99) ?? Number.NaN) < 1000);
  await proxy.stop();
});

test('applies what arrives together in one transaction', async () => {
  const proxy = await running([]);
  const done = proxy.synced();
  for (const one of [web, dns]) proxy.client.seed(one);
  await done;
  assert.equal(proxy.netfilter.applied.length, 2);
  assert.equal(proxy.elements('service').length, 2);
  await proxy.stop();
});

test('loads everything anew, after a pause, when a change fails because someone took the rules away', async () => {
  const proxy = await running([web, slice('web', ['10.244.1.5'])]);
  proxy.netfilter.flushRuleset();
  const done = proxy.synced();
  await proxy.client.update(EndpointSlice, slice('web', ['10.244.1.6', '10.244.1.7']));
  while (proxy.stats.failures === 0) await new Promise(setImmediate);
  await proxy.clock.advance(seconds(1));
  await done;
  assert.equal(proxy.netfilter.applied.at(-1)?.[0]?.kind, 'replace-table');
  assert.equal(proxy.elements('service-endpoint-tcp').length, 2);
  await proxy.stop();
});

describe('a Service whose rules the kernel refuses', () => {
  const to = (ip: string) => (placed: Placed) => JSON.stringify(placed.element.value ?? '').includes(ip);
  const events = async (client: Client) =>
    (await client.list(Event)).items.map(({ reason, involvedObject }) => ({
      reason,
      name: involvedObject.name,
    }));

  test('keeps the rules it had, and the others that changed with it get theirs', async () => {
    const proxy = await running([web, slice('web', ['10.244.1.5']), dns]);
    proxy.netfilter.refuse(to('10.244.1.66'));
    const done = proxy.synced();
    await Promise.all([
      proxy.client.update(EndpointSlice, slice('web', ['10.244.1.66', '10.244.1.7'])),
      proxy.client.create(EndpointSlice, dnsSlice('10.244.1.8')),
    ]);
    await done;
    assert.deepEqual(proxy.elements('service-endpoint-tcp'), ['10.96.0.10 . 80 . 0']);
    assert.deepEqual(proxy.elements('service-endpoint-udp'), ['10.96.0.53 . 53 . 0']);
    assert.equal(proxy.stats.refused, 1);
    assert.equal(proxy.stats.failures, 0);
    while ((await events(proxy.client)).length === 0) await new Promise(setImmediate);
    assert.deepEqual(await events(proxy.client), [{ reason: 'FailedToProgram', name: 'web' }]);
    await proxy.stop();
  });

  test('is tried again after a while, and when it changes', async () => {
    const proxy = await running([web, slice('web', ['10.244.1.5'])]);
    proxy.netfilter.refuse(to('10.244.1.66'));
    let done = proxy.synced();
    await proxy.client.update(EndpointSlice, slice('web', ['10.244.1.66', '10.244.1.7']));
    await done;
    proxy.netfilter.refuse(() => false);
    done = proxy.synced();
    await proxy.clock.advance(seconds(6));
    await done;
    assert.equal(proxy.elements('service-endpoint-tcp').length, 2);
    assert.equal(proxy.stats.refused, 0);
    await proxy.stop();
  });

  test('is the same as one whose objects are not what the API says: the others are served', async () => {
    const broken = { ...slice('web', []), endpoints: [{}] } as unknown as EndpointSlice;
    const proxy = await running([web, broken, dns, dnsSlice('10.244.1.8')]);
    assert.deepEqual(proxy.elements('service'), ['10.96.0.53 . udp . 53']);
    assert.equal(proxy.stats.refused, 1);
    while ((await events(proxy.client)).length === 0) await new Promise(setImmediate);
    assert.deepEqual(await events(proxy.client), [{ reason: 'FailedToProgram', name: 'web' }]);
    const done = proxy.synced();
    await proxy.client.update(EndpointSlice, slice('web', ['10.244.1.5']));
    await done;
    assert.deepEqual(proxy.elements('service-endpoint-tcp'), ['10.96.0.10 . 80 . 0']);
    assert.equal(proxy.stats.refused, 0);
    await proxy.stop();
  });

  test('does not keep the others from being loaded at the start', async () => {
    const netfilter = new MemoryNetfilter();
    netfilter.refuse(to('10.244.1.66'));
    const proxy = await running([web, slice('web', ['10.244.1.66']), dns, dnsSlice('10.244.1.8')], { netfilter });
    assert.deepEqual(proxy.elements('service'), ['10.96.0.53 . udp . 53']);
    assert.equal(proxy.stats.refused, 1);
    await proxy.stop();
  });
});

test('restores its tables when someone flushes them', async () => {
  const proxy = await running([web, slice('web', ['10.244.1.5'])]);
  proxy.netfilter.flushRuleset();
  const done = proxy.synced();
  await proxy.clock.advance(seconds(6));
  await done;
  assert.deepEqual(proxy.elements('service'), ['10.96.0.10 . tcp . 80']);
  await proxy.stop();
});

test('serves node ports at addresses that the node gets later', async () => {
  let addresses = [mustParseIP('192.168.50.1')];
  const proxy = await running([], { nodeAddresses: () => addresses });
  addresses = [mustParseIP('192.168.50.2')];
  const done = proxy.synced();
  await proxy.clock.advance(seconds(6));
  await done;
  assert.deepEqual(proxy.elements('node-address'), ['192.168.50.2']);
  await proxy.stop();
});

describe('a proxy that starts where another ran', () => {
  const three = ['10.244.1.5', '10.244.1.6', '10.244.1.7'];

  test('changes nothing where the kernel has what is wanted, whatever slots its endpoints have', async () => {
    const first = await running([web, slice('web', three), dns, dnsSlice('10.244.1.8')]);
    const done = first.synced();
    // The last endpoint takes the slot of the first.
    await first.client.update(EndpointSlice, slice('web', three.slice(1)));
    await done;
    await first.stop();
    const objects = [web, slice('web', three.slice(1)), dns, dnsSlice('10.244.1.8')];
    const second = await running(objects, { netfilter: first.netfilter });
    // The chain for three endpoints and what led there were left for another time.
    assert.deepEqual(
      second.netfilter.applied.at(-1)?.map(({ kind }) => kind),
      ['delete-element', 'delete-chain'],
    );
    await second.stop();
    const before = first.netfilter.applied.length;
    const third = await running(objects, { netfilter: first.netfilter });
    assert.equal(third.netfilter.applied.length, before);
    await third.stop();
  });

  test('changes only what differs', async () => {
    const first = await running([web, slice('web', three)]);
    await first.stop();
    const second = await running([web, slice('web', three.slice(0, 2)), dns, dnsSlice('10.244.1.8')], {
      netfilter: first.netfilter,
    });
    const kinds = second.netfilter.applied.at(-1)?.map(({ kind }) => kind) ?? [];
    assert.deepEqual([...new Set(kinds)].sort(), ['add-chain', 'add-element', 'delete-chain', 'delete-element']);
    assert.equal(second.elements('service-endpoint-tcp').length, 2);
    assert.deepEqual(second.elements('service').sort(), ['10.96.0.10 . tcp . 80', '10.96.0.53 . udp . 53']);
    await second.stop();
  });

  test('replaces tables that are laid out otherwise', async () => {
    const first = await running([web, slice('web', three)]);
    await first.stop();
    const second = await running([web, slice('web', three)], {
      netfilter: first.netfilter,
      podCIDR: '10.244.9.0/24',
    });
    assert.equal(second.netfilter.applied.at(-1)?.[0]?.kind, 'replace-table');
    await second.stop();
  });
});

test('replaces what a previous run left, and leaves its own tables when it stops', async () => {
  const first = await running([web, slice('web', ['10.244.1.5'])]);
  await first.stop();
  const second = await running([dns], { netfilter: first.netfilter });
  assert.deepEqual(second.elements('service'), ['10.96.0.53 . udp . 53']);
  await second.stop();
  assert.equal(second.netfilter.tables().length, 1);
});

test('removes its tables when it stops, if told to', async () => {
  const proxy = await running([web], { cleanUp: true });
  await proxy.stop();
  assert.equal(proxy.netfilter.tables().length, 0);
  // A connection that has its endpoint and not yet its source address is seen to the end.
  const kinds = proxy.netfilter.applied
    .slice(-2)
    .map((transaction) => [...new Set(transaction.map(({ kind }) => kind))]);
  assert.deepEqual(kinds, [['delete-chain'], ['delete-table']]);
});

test('throws what the kernel says when it cannot start', async () => {
  const netfilter = new MemoryNetfilter();
  // Neither with Services nor without.
  for (let i = 0; i < 2; i++) netfilter.failNext(new Error('Operation not permitted'));
  await assert.rejects(running([web], { netfilter }), /Operation not permitted/);
});

test('ends the UDP flows of an endpoint that goes, and no others', async () => {
  const conntrack = new MemoryConntrack();
  const [gone, kept] = ['10.244.1.6', '10.244.1.7'].map((ip) =>
    conntrack.add({
      ...{ family: 'IPv4', protocol: 'udp' },
      original: { saddr: '10.244.1.9', sport: 4001, daddr: '10.96.0.53', dport: 53 },
      reply: { saddr: ip, sport: 5353, daddr: '10.244.1.9', dport: 4001 },
    }),
  );
  const proxy = await running([dns, dnsSlice('10.244.1.6', '10.244.1.7')], { conntrack });
  assert.deepEqual(conntrack.remaining(), [gone, kept]);
  const done = proxy.synced();
  await proxy.client.update(EndpointSlice, dnsSlice('10.244.1.7'));
  await done;
  await proxy.stop();
  assert.deepEqual(conntrack.remaining(), [kept]);
});

test('leaves alone what another proxy serves, what has no cluster IP, and what is labelled so', async () => {
  const labelled = (name: string, label: string) => {
    const one = service(name, { clusterIPs: ['10.96.0.77'] });
    return { ...one, metadata: { ...one.metadata, labels: { [`service.kubernetes.io/${label}`]: '' } } };
  };
  const proxy = await running([
    labelled('other', 'service-proxy-name'),
    labelled('label', 'headless'),
    service('headless', { clusterIPs: ['None'] }),
    service('outside', { type: 'ExternalName', externalName: 'example.org' }),
  ]);
  assert.deepEqual(proxy.elements('service'), []);
  await proxy.stop();
});

test('never forwards to a loopback or link-local address', async () => {
  const proxy = await running([web, slice('web', ['127.0.0.1', '169.254.1.1', '224.0.0.1', '10.244.1.5'])]);
  assert.deepEqual(proxy.elements('service-endpoint-tcp'), ['10.96.0.10 . 80 . 0']);
  await proxy.stop();
});

test('takes nothing from an API server that checks less than it should: addresses, protocols, ports', async () => {
  const strange = (name: string, spec: object) => service(name, { clusterIPs: ['10.96.0.66'], ...spec });
  const proxy = await running([
    strange('loopback', { externalIPs: ['127.0.0.1', '0.0.0.0', '::1', '10.96.0.1; flush ruleset'] }),
    strange('protocol', { ports: [{ port: 81, protocol: 'tcp . 81 : drop }; flush ruleset; {' }] }),
    strange('port', {
      ports: [{ port: 0 }, { port: -1 }, { port: 65_536 }, { port: 8.5 }, { port: '82; flush ruleset' }],
    }),
  ]);
  assert.deepEqual(proxy.elements('service'), ['10.96.0.66 . tcp . 80']);
  await proxy.stop();
});

test('a node that moves to another zone uses the endpoints meant for it', async () => {
  let zone = 'a';
  const meant = (ip: string, name: string) => ({ addresses: [ip], hints: { forZones: [{ name }] } });
  const endpoints = slice('web', [meant('10.244.1.5', 'a'), meant('10.244.1.6', 'b')]);
  const proxy = await running([web, endpoints], { zone: () => zone });
  const value = () => [...(proxy.netfilter.table(tableName('IPv4'))?.sets.get('service-endpoint-tcp')?.values() ?? [])];
  const to = (ip: string) => [{ key: ['10.96.0.10', 80, 0], value: [ip, 8080] }];
  assert.deepEqual(value(), to('10.244.1.5'));
  zone = 'b';
  const synced = proxy.synced();
  await proxy.clock.advance(seconds(5));
  await synced;
  assert.deepEqual(value(), to('10.244.1.6'));
  await proxy.stop();
});
