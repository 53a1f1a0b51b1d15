import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event } from '../../../api/core/v1/event.ts';
import { Node } from '../../../api/core/v1/node.ts';
import { Service } from '../../../api/core/v1/service.ts';
import { findCondition } from '../../../api/meta/conditions.ts';
import type { KubeObject } from '../../../api/meta/v1.ts';
import { MEMORY_NODES } from '../memory.ts';
import type { Ensured } from '../provider.ts';
import { type CloudWorld, node, type StartOptions, service, start } from '../testing.ts';
import { CLEANUP_FINALIZER, LOAD_BALANCER_READY, PROVIDER_ANNOTATION } from './marks.ts';

const NODES = [node('node1', '192.0.2.1'), node('node2', '192.0.2.2')];
const KEY = { namespace: 'ns', name: 'web' };

test('a Service gets a load balancer at its provider, the finalizer first, and is told of its address', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  assert.deepEqual((await get(w)).metadata.finalizers, [CLEANUP_FINALIZER]);
  assert.equal((await get(w)).metadata.annotations?.[PROVIDER_ANNOTATION], 'memory');
  assert.deepEqual(ready(await get(w)), ['False', 'Waiting', 'the load balancer is being made']);
  await w.pass(5000);
  assert.deepEqual((await get(w)).status?.loadBalancer, { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] });
  assert.deepEqual(ready(await get(w)), ['True', 'Ensured', '']);
  assert.deepEqual(w.cloud.balancers(), [
    { owner: 'ns/web', listeners: ['TCP 80'], backends: ['192.0.2.1:30080', '192.0.2.2:30080'] },
  ]);
  assert.deepEqual(await w.events(service('web')), [
    'EnsuringLoadBalancer: Ensuring load balancer',
    'EnsuredLoadBalancer: Ensured load balancer',
  ]);
});

test('nothing is made before the finalizer is stored', async (t) => {
  const w = await begin(t, [...NODES]);
  w.cloud.beforeWrite = (what) => {
    if (what.startsWith('create')) assert.ok(marks.has('ns/web'), what);
  };
  const marks = new Set<string>();
  w.client.failWith((verb, kind, key) => {
    if (verb === 'patch' && kind === 'Service' && !marks.has(key)) {
      marks.add(key);
      return new Error('the server is away');
    }
    return undefined;
  });
  await w.client.create(Service, service('web'));
  await w.settle();
  assert.equal(w.cloud.made(), 0);
  await w.pass(1000);
  assert.equal(w.cloud.made(), 1);
});

test('a Service that is deleted goes when nothing is left of its load balancer', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  await w.client.delete(Service, KEY);
  await w.settle();
  assert.deepEqual(w.cloud.balancers().length, 1, 'it takes its time');
  assert.ok(await w.find(Service, KEY));
  await w.pass(5000);
  assert.deepEqual(w.cloud.balancers(), []);
  assert.equal(await w.find(Service, KEY), undefined);
  assert.deepEqual((await w.events(service('web'))).slice(2), [
    'DeletingLoadBalancer: Deleting load balancer',
    'DeletedLoadBalancer: Deleted load balancer',
  ]);
  await w.pass(600_000);
  const removals = w.cloud.calls.filter((call) => call === 'remove ns/web');
  assert.equal(removals.length, 4, 'at once, after each of the three seconds that it takes, and no more');
});

test('a Service that is changed while it goes does not hurry the provider', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  await w.client.delete(Service, KEY);
  await w.settle();
  for (const i of [1, 2, 3]) {
    await w.client.patch(Service, KEY, { type: 'merge', body: { metadata: { labels: { i: `${i}` } } } });
    await w.settle();
  }
  assert.equal(w.cloud.calls.filter((call) => call === 'remove ns/web').length, 1);
});

test('a Service that becomes another type keeps nothing of us', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  const { spec, ...rest } = await get(w);
  const { loadBalancerClass: _, ...own } = spec ?? {};
  await w.client.update(Service, { ...rest, spec: { ...own, type: 'ClusterIP' } });
  await w.pass(5000);
  assert.deepEqual(w.cloud.balancers(), []);
  const { metadata, status } = await get(w);
  assert.equal(metadata.finalizers, undefined, 'not an empty list, which kubectl would print');
  assert.equal(metadata.annotations?.[PROVIDER_ANNOTATION], undefined);
  assert.equal(findCondition(status?.conditions, LOAD_BALANCER_READY), undefined);
});

test('what was made is removed also when somebody takes the marks away, with the type or with the whole Service', async (t) => {
  const w = await begin(t, [service('web'), service('shop'), ...NODES]);
  await w.pass(5000);
  const { metadata, spec } = await get(w);
  const { uid = '', name = '', namespace = '' } = metadata;
  const bare: Service = {
    ...service('web'),
    metadata: { uid, name, namespace },
    spec: { ...spec, type: 'ClusterIP' },
  };
  w.client.seed(bare);
  w.client.remove(Service, { namespace: 'ns', name: 'shop' });
  await w.pass(10_000);
  assert.deepEqual(w.cloud.balancers(), []);
  assert.deepEqual((await get(w)).metadata.finalizers ?? [], []);
});

test('a Service whose marks somebody takes away is marked again, and served on without a break', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  const { metadata, spec } = await get(w);
  const { uid = '', name = '', namespace = '' } = metadata;
  // All of them at once, the condition too.
  w.client.seed({ ...service('web'), metadata: { uid, name, namespace }, ...(spec && { spec }) });
  await w.pass(10_000);
  assert.deepEqual((await get(w)).metadata.finalizers, [CLEANUP_FINALIZER]);
  assert.equal((await get(w)).metadata.annotations?.[PROVIDER_ANNOTATION], 'memory');
  assert.equal((await get(w)).status?.loadBalancer?.ingress?.[0]?.ip, '203.0.113.1');
  assert.deepEqual([w.cloud.made(), w.cloud.calls.includes('remove ns/web')], [1, false]);
});

test('a Service whose marks were taken away while nobody looked still tells what it had', async (t) => {
  const { metadata } = service('web');
  const had = { ...service('web'), metadata: { ...metadata, uid: 'of-web' } };
  const conditions = [{ type: LOAD_BALANCER_READY, status: 'True', reason: 'Ensured', message: '' }];
  const bare: Service = { ...had, spec: { type: 'ClusterIP', ports: [{ port: 80 }] }, status: { conditions } };
  const w = await begin(t, [bare, ...NODES], { had });
  assert.equal(w.cloud.made(), 1);
  await w.pass(10_000);
  assert.deepEqual(w.cloud.balancers(), []);
  assert.deepEqual((await get(w)).status?.conditions ?? [], []);
});

test('a Service of the same name that is made anew has a load balancer of its own', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  w.client.remove(Service, KEY);
  await w.client.create(Service, service('web'));
  await w.pass(10_000);
  assert.equal(w.cloud.made(), 2);
  assert.equal(w.cloud.balancers().length, 1);
  assert.equal((await get(w)).status?.loadBalancer?.ingress?.[0]?.ip, '203.0.113.2');
});

test('finalizers of others, on Services of other classes, stay', async (t) => {
  const other = service('web', { loadBalancerClass: 'example.com/other' });
  const metadata = { ...other.metadata, finalizers: [CLEANUP_FINALIZER] };
  const w = await begin(t, [{ ...other, metadata }, service('plain', { type: 'ClusterIP' }), ...NODES]);
  await w.client.delete(Service, KEY);
  await w.pass(600_000);
  assert.deepEqual((await get(w)).metadata.finalizers, [CLEANUP_FINALIZER]);
  assert.deepEqual(w.cloud.calls, []);
});

test('Services without a class are the provider’s only where it is said to be the default', async (t) => {
  const { loadBalancerClass: _, ...spec } = service('web').spec ?? {};
  const plain = { ...service('web'), spec };
  const not = await begin(t, [plain, ...NODES]);
  await not.pass(5000);
  assert.equal(not.cloud.made(), 0);
  const w = await begin(t, [plain, ...NODES], { isDefault: true });
  await w.pass(5000);
  assert.equal(w.cloud.made(), 1);
});

test('a Service that layer 2 serves is left to it, until layer 2 lets go', async (t) => {
  const { loadBalancerClass: _, ...spec } = service('web').spec ?? {};
  const conditions = [{ type: 'postern.dev/AddressAllocated', status: 'True' }];
  const served: Service = { ...service('web'), spec, status: { conditions } };
  const w = await begin(t, [served, ...NODES], { isDefault: true });
  await w.pass(5000);
  assert.equal(w.cloud.made(), 0);
  assert.match((await w.events(service('web'))).join(), /SyncLoadBalancerFailed: layer2 serves it/);
  await w.client.updateStatus(Service, { ...(await get(w)), status: {} });
  await w.pass(5000);
  assert.equal(w.cloud.made(), 1);
});

test('what somebody else writes into the status is put right without a question to the provider', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  const asked = w.cloud.calls.length;
  const status = { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } };
  await w.client.updateStatus(Service, { ...(await get(w)), status });
  await w.pass(1000);
  assert.deepEqual((await get(w)).status?.loadBalancer, { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] });
  assert.equal(w.cloud.calls.length, asked);
});

test('with somebody who writes another status again and again nobody races, and people are told', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  const writes = () => w.client.writes.filter(({ verb, kind }) => verb === 'patch' && kind === 'Service').length;
  const before = writes();
  for (let i = 0; i < 60; i++) {
    const status = { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } };
    await w.client.updateStatus(Service, { ...(await get(w)), status });
    await w.pass(1000);
  }
  assert.ok(writes() - before <= 6, `${writes() - before} writes in a minute`);
  assert.match((await w.events(service('web'))).join('\n'), /^Contested: somebody else writes/m);
});

test('what fails is tried again ever more seldom, from 5 s up to 5 min, and told', async (t) => {
  const w = await begin(t, [...NODES]);
  w.cloud.beforeWrite = () => {
    throw new Error('the service is unavailable');
  };
  await w.client.create(Service, service('web'));
  await w.settle();
  const times = await attempts(w, 900_000);
  assert.deepEqual(
    times.map((at, i) => at - (times[i - 1] ?? 0)),
    [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000],
  );
  assert.deepEqual(ready(await get(w)), ['False', 'SyncLoadBalancerFailed', 'the service is unavailable']);
  assert.deepEqual((await w.events(service('web'))).slice(1), [
    'SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: the service is unavailable',
  ]);
});

test('a provider that asks to be left alone is, and new nodes do not hurry it; a user who changes the Service does', async (t) => {
  const w = await begin(t, [...NODES]);
  w.cloud.beforeWrite = () => {
    throw Object.assign(new Error('too many requests'), { retryAfter: 60_000 });
  };
  await w.client.create(Service, service('web'));
  await w.settle();
  w.client.seed(node('node3', '192.0.2.3'));
  assert.deepEqual(await attempts(w, 90_000), [60_000]);
  const before = w.cloud.calls.length;
  await w.client.patch(Service, KEY, { type: 'merge', body: { metadata: { annotations: { changed: 'yes' } } } });
  await w.settle();
  assert.equal(w.cloud.calls.length, before + 1);
});

test('what a provider refuses is told, asked again seldom, and takes no address away', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  w.cloud.answer = () => ({ kind: 'refused', reason: 'InvalidShape', why: 'there is no shape "huge": use flexible' });
  await w.client.patch(Service, KEY, { type: 'merge', body: { metadata: { annotations: { shape: 'huge' } } } });
  await w.settle();
  assert.deepEqual(ready(await get(w)), ['False', 'InvalidShape', 'there is no shape "huge": use flexible']);
  assert.equal((await get(w)).status?.loadBalancer?.ingress?.[0]?.ip, '203.0.113.1');
  assert.deepEqual(await attempts(w, 400_000), [300_000]);
});

test('what is deleted by hand is made anew at the next look', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  w.cloud.deleteByHand('ns/web');
  await w.pass(310_000);
  assert.equal(w.cloud.balancers().length, 1);
  assert.equal((await get(w)).status?.loadBalancer?.ingress?.[0]?.ip, '203.0.113.2');
});

test('nodes that come, go, leave or are excluded are followed, several at once with one question', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  const backendsAfter = async (...changed: readonly Node[]) => {
    for (const each of changed) w.client.seed(each);
    await w.pass(2000);
    return w.cloud.balancers().flatMap(({ backends }) => backends.map((text) => text.split(':')[0]));
  };
  const asked = w.cloud.calls.length;
  const taints = [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }];
  assert.deepEqual(await backendsAfter(node('node3', '192.0.2.3'), node('node4', '192.0.2.4')), [
    ...['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'],
  ]);
  assert.equal(w.cloud.calls.length, asked + 1);
  const label = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
  assert.deepEqual(await backendsAfter(node('node4', '192.0.2.4', { labels: label })), [
    ...['192.0.2.1', '192.0.2.2', '192.0.2.3'],
  ]);
  assert.deepEqual(await backendsAfter(node('node3', '192.0.2.3', { spec: { taints } })), ['192.0.2.1', '192.0.2.2']);
  assert.deepEqual(await backendsAfter(node('node2', '192.0.2.2', { ready: false })), ['192.0.2.1']);
  w.client.remove(Node, { name: 'node1' });
  assert.deepEqual(await backendsAfter(), ['192.0.2.2'], 'when none is ready, those that stay serve');
  const cordoned = node('node2', '192.0.2.2', { spec: { unschedulable: true } });
  assert.deepEqual(await backendsAfter(cordoned), ['192.0.2.2'], 'a cordoned node goes on serving');
  assert.ok((await w.events(service('web'))).includes('UpdatedLoadBalancer: Updated load balancer with new hosts'));
  w.client.remove(Node, { name: 'node2' });
  assert.deepEqual(await backendsAfter(), []);
  assert.ok(
    (await w.events(service('web'))).includes('UnAvailableLoadBalancer: There are no available nodes for LoadBalancer'),
  );
});

test('of nodes that change only those Services hear that are led to them', async (t) => {
  const metadata = { name: 'shop', namespace: 'ns', annotations: { [MEMORY_NODES]: 'pool=shop' } };
  const shop = { ...service('shop'), metadata };
  const labels = { pool: 'shop' };
  const w = await begin(t, [service('web'), shop, ...NODES, node('node3', '192.0.2.3', { labels })]);
  await w.pass(5000);
  const asked = w.cloud.calls.length;
  w.client.seed(node('node2', '192.0.2.2', { ready: false }));
  await w.pass(2000);
  assert.deepEqual(w.cloud.calls.slice(asked), ['ensure ns/web']);
  assert.deepEqual(w.cloud.balancers().find(({ owner }) => owner === 'ns/shop')?.backends, ['192.0.2.3:30080']);
});

test('what a provider warns of is told once, and stays in the condition', async (t) => {
  const w = await begin(t, [...NODES]);
  const warnings = ['the annotation "shap" is not known'];
  w.cloud.answer = () => ({ kind: 'ready', ingress: [{ ip: '203.0.113.1' }], warnings });
  await w.client.create(Service, service('web'));
  await w.pass(700_000);
  const told = await w.client.list(Event);
  const found = told.items.find(({ reason }) => reason === 'LoadBalancerWarning');
  assert.equal(found?.count, 1);
  assert.deepEqual(ready(await get(w)), ['True', 'Ensured', 'the annotation "shap" is not known']);
});

test('what takes several attempts is told once it is done: other nodes as such, and no warning again', async (t) => {
  const w = await begin(t, [...NODES]);
  const warnings = ['it is internal, which cannot be changed'];
  const isDone = { kind: 'ready', ingress: [{ ip: '203.0.113.1' }], warnings } as const;
  const isUnderWay = { kind: 'waiting', why: 'the backends are changed', after: 1000 } as const;
  const answers: Ensured[] = [isUnderWay, isUnderWay, isDone];
  w.cloud.answer = () => answers.shift() ?? isDone;
  await w.client.create(Service, service('web'));
  await w.pass(5000);
  answers.push(isUnderWay, isUnderWay, isDone);
  w.client.seed(node('node3', '192.0.2.3'));
  await w.pass(5000);
  w.cloud.answer = () => {
    const next = answers.shift() ?? isDone;
    if (next !== isUnderWay) return next;
    throw new Error('too many requests');
  };
  answers.push(isUnderWay, isDone);
  w.client.seed(node('node4', '192.0.2.4'));
  await w.pass(10_000);
  assert.deepEqual(await w.events(service('web')), [
    'EnsuringLoadBalancer: Ensuring load balancer',
    'EnsuredLoadBalancer: Ensured load balancer',
    `LoadBalancerWarning: ${warnings}`,
    'UpdatedLoadBalancer: Updated load balancer with new hosts',
    'UpdateLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: too many requests',
  ]);
  const { items } = await w.client.list(Event);
  const count = (reason: string) => items.find((event) => event.reason === reason)?.count;
  assert.deepEqual(['LoadBalancerWarning', 'UpdatedLoadBalancer'].map(count), [1, 2]);
});

test('what the provider mends by itself, and what failed by itself, is told once it serves again', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  w.cloud.deleteByHand('ns/web');
  await w.pass(310_000);
  const { items } = await w.client.list(Event);
  assert.equal(items.find(({ reason }) => reason === 'EnsuredLoadBalancer')?.count, 2);
});

test('a node that only says that it lives asks nothing of the provider', async (t) => {
  const w = await begin(t, [service('web'), ...NODES]);
  await w.pass(5000);
  const asked = w.cloud.calls.length;
  w.client.seed({ ...node('node1', '192.0.2.1'), metadata: { name: 'node1', annotations: { seen: 'now' } } });
  await w.pass(5000);
  assert.equal(w.cloud.calls.length, asked);
});

async function begin(
  t: { after(end: () => Promise<void>): void },
  objects: readonly KubeObject[],
  options?: StartOptions,
): Promise<CloudWorld> {
  const w = await start(objects, options);
  t.after(() => w.stop());
  return w;
}

async function get(w: CloudWorld): Promise<Service> {
  const found = await w.find(Service, KEY);
  assert.ok(found);
  return found;
}

function ready({ status }: Service): readonly (string | undefined)[] {
  const { status: value, reason, message } = findCondition(status?.conditions, LOAD_BALANCER_READY) ?? {};
  return [value, reason, message];
}

/** When the provider was asked while so many milliseconds passed, from now on. */
async function attempts(w: CloudWorld, ms: number): Promise<readonly number[]> {
  const times: number[] = [];
  const begin = w.clock.now();
  let asked = w.cloud.calls.length;
  while (w.clock.now() < begin + ms) {
    await w.clock.advance(1000);
    await w.settle();
    if (w.cloud.calls.length > asked) times.push(w.clock.now() - begin);
    asked = w.cloud.calls.length;
  }
  return times;
}
