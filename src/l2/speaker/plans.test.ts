import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import type { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { failure } from '../../api/status.ts';
import { fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import type { AddressPlan } from '../lan/messages.ts';
import { advertisement, node, pool, service, slice } from '../testing.ts';
import { Plans } from './plans.ts';

const BASE = [node('a'), node('b'), pool('lan', ['192.0.2.0/24']), advertisement('lan')];

async function world(
  objects: readonly KubeObject[],
  prepare: (client: ReturnType<typeof fakeClient>) => void = () => {},
) {
  const client = fakeClient(objects);
  prepare(client);
  const informers = new Informers({ client, log: silentLogger, clock: new FakeClock() });
  const ended = new AbortController();
  const batches: { readonly changed: readonly AddressPlan[]; readonly removed: readonly string[] }[] = [];
  const known = new Map<string, readonly string[]>();
  const plans = new Plans({
    ...{ informers, log: silentLogger },
    tell: (changed, removed) => {
      batches.push({ changed, removed });
      for (const { address, candidates } of changed) known.set(address, candidates.map((each) => each.node).sort());
      for (const address of removed) known.delete(address);
    },
  });
  void informers.start(ended.signal);
  await plans.synced;
  /** Addresses that are told of while this happens, `-` before those that are removed. */
  const toldBy = async (change: () => unknown) => {
    batches.length = 0;
    await change();
    await settle(200);
    return batches.flatMap(({ changed, removed }) => [
      ...changed.map(({ address }) => address),
      ...removed.map((address) => `-${address}`),
    ]);
  };
  return { client, batches, known, plans, toldBy, end: () => ended.abort() };
}

const two = [
  service('x', ['192.0.2.1'], { externalTrafficPolicy: 'Local' }),
  slice('x', '10.244.0.1', ['a', 'b']),
  service('y', ['192.0.2.2'], { externalTrafficPolicy: 'Local' }),
  slice('y', '10.244.0.2', ['b']),
];

test('tells every plan once all is known', async () => {
  const w = await world([...BASE, ...two]);
  assert.deepEqual(
    [...w.known],
    [
      ['192.0.2.1', ['a', 'b']],
      ['192.0.2.2', ['b']],
    ],
  );
  w.end();
});

test('a change of endpoints is told for their addresses alone, and only when it changes a plan', async () => {
  const w = await world([...BASE, ...two]);
  assert.deepEqual(await w.toldBy(() => w.client.seed(slice('x', '10.244.0.1', ['a']))), ['192.0.2.1']);
  assert.deepEqual(await w.toldBy(() => w.client.seed(slice('x', '10.244.0.9', ['a']))), []);
  assert.deepEqual(await w.toldBy(() => w.client.seed(slice('x', '10.244.0.9', []))), ['192.0.2.1']);
  assert.deepEqual(w.known.get('192.0.2.1'), []);
  w.end();
});

test('a change of a node is told for the addresses that it may announce', async () => {
  const w = await world([...BASE, ...two]);
  const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
  assert.deepEqual(await w.toldBy(() => w.client.seed(node('a', { labels }))), ['192.0.2.1']);
  assert.deepEqual(await w.toldBy(() => w.client.seed(node('a'))), ['192.0.2.1']);
  assert.deepEqual(await w.toldBy(() => w.client.seed(node('a', { ready: 'False' }))), [], 'readiness');
  assert.deepEqual(await w.toldBy(() => w.client.remove(Node, { name: 'a' })), ['192.0.2.1']);
  w.end();
});

test('a label of a node matters where an advertisement asks for it', async () => {
  const selectors = { nodeSelectors: [{ matchLabels: { rack: '1' } }] };
  const w = await world([
    ...BASE,
    pool('other', ['198.51.100.0/24']),
    advertisement('lan', { ipAddressPools: ['lan'] }),
    advertisement('other', { ipAddressPools: ['other'], ...selectors }),
    ...two,
    service('z', ['198.51.100.1']),
    slice('z', '10.244.0.3', ['a']),
  ]);
  assert.deepEqual(w.known.get('198.51.100.1'), []);
  assert.deepEqual(await w.toldBy(() => w.client.seed(node('a', { labels: { rack: '1' } }))), ['198.51.100.1']);
  assert.deepEqual(w.known.get('198.51.100.1'), ['a']);
  w.end();
});

test('a pool’s counters are no news; its addresses are', async () => {
  const w = await world([...BASE, ...two]);
  const counted: IPAddressPool = { ...pool('lan', ['192.0.2.0/24']), status: { assignedIPv4: 2 } };
  assert.deepEqual(await w.toldBy(() => w.client.seed(counted)), []);
  assert.deepEqual(await w.toldBy(() => w.client.seed(pool('lan', ['192.0.2.2/32']))), ['-192.0.2.1']);
  assert.deepEqual(await w.toldBy(() => w.client.remove(IPAddressPool, { namespace: 'metallb-system', name: 'lan' })), [
    '-192.0.2.2',
  ]);
  assert.deepEqual(await w.toldBy(() => w.client.seed(pool('again', ['192.0.2.0/31']))), ['192.0.2.1']);
  w.end();
});

test('objects that make no sense leave everything as it is, until they do', async () => {
  const w = await world([...BASE, ...two]);
  const broken = { ...pool('broken', []), spec: {} } as unknown as IPAddressPool;
  assert.deepEqual(await w.toldBy(() => w.client.seed(broken)), []);
  assert.deepEqual(await w.toldBy(() => w.client.seed(slice('x', '10.244.0.1', ['a']))), ['192.0.2.1']);
  await w.toldBy(() => w.client.seed(pool('broken', ['198.51.100.0/24'])));
  assert.deepEqual(await w.toldBy(() => w.client.seed(service('z', ['198.51.100.1']))), ['198.51.100.1']);
  w.end();
});

test('without an advertisement nobody may announce, and with one again they may', async () => {
  const w = await world([...BASE, ...two]);
  await w.toldBy(() => w.client.remove(L2Advertisement, { namespace: 'metallb-system', name: 'lan' }));
  assert.deepEqual(w.known.get('192.0.2.1'), []);
  await w.toldBy(() => w.client.seed(advertisement('lan')));
  assert.deepEqual(w.known.get('192.0.2.1'), ['a', 'b']);
  w.end();
});

test('an address that its Service no longer has is told to have no plan', async () => {
  const w = await world([...BASE, ...two]);
  assert.deepEqual(await w.toldBy(() => w.client.seed(service('y', ['192.0.2.7']))), ['192.0.2.7', '-192.0.2.2']);
  assert.deepEqual(await w.toldBy(() => w.client.remove(Service, { namespace: 'ns', name: 'y' })), ['-192.0.2.7']);
  assert.deepEqual(
    await w.toldBy(() => w.client.seed(service('x', ['192.0.2.1'], { loadBalancerClass: 'example.com/x' }))),
    ['-192.0.2.1'],
  );
  w.end();
});

const settings = (spec: NonNullable<MetalLB['spec']>): MetalLB => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'MetalLB',
  metadata: { name: 'metallb', namespace: 'metallb-system' },
  spec,
});

test('the MetalLB object narrows nodes and Services while it is there', async () => {
  const w = await world([...BASE, ...two]);
  await w.toldBy(() => w.client.seed(settings({ nodeSelector: { edge: 'yes' } })));
  assert.deepEqual(w.known.get('192.0.2.1'), []);
  await w.toldBy(() => w.client.seed(node('b', { labels: { edge: 'yes' } })));
  assert.deepEqual(w.known.get('192.0.2.1'), ['b']);
  await w.toldBy(() => w.client.seed(settings({ loadBalancerClass: 'metallb.io/metallb' })));
  assert.deepEqual([...w.known], []);
  await w.toldBy(() => w.client.seed(settings({})));
  assert.deepEqual(w.known.get('192.0.2.1'), ['a', 'b']);
  w.end();
});

test('a cluster with MetalLB’s own kinds, which has no MetalLB object, is served', async () => {
  const w = await world([...BASE, ...two], (client) => {
    client.failWith((_, kind) => (kind === 'MetalLB' ? failure(404, 'NotFound', 'no such kind') : undefined));
  });
  assert.deepEqual(w.known.get('192.0.2.1'), ['a', 'b']);
  w.end();
});

test('ten thousand addresses are told in batches, so that each turn is short', async () => {
  const services = Array.from({ length: 10_000 }, (_, i) => service(`s${i}`, [`10.9.${i >> 8}.${i & 255}`]));
  const nodes = Array.from({ length: 50 }, (_, i) => node(`n${i}`));
  const objects = [...nodes, pool('lan', ['10.9.0.0/16']), advertisement('lan'), ...services];
  const slices = services.map(({ metadata: { name = '' } }) => slice(name, '10.244.0.1', ['n1']));
  const w = await world([...objects, ...slices]);
  assert.equal(w.known.size, 10_000);
  assert.ok(w.batches.every(({ changed }) => changed.length <= 100));
  const told = await w.toldBy(async () => {
    w.client.remove(Node, { name: 'n7' });
    while (w.batches.length < 100) await settle(1);
  });
  assert.equal(told.length, 10_000);
  assert.ok(w.batches.every(({ changed }) => changed.length <= 100));
  w.end();
});
