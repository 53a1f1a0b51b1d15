import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import { FakeClock } from '../../host/clock.ts';
import { minutes } from '../../lib/duration.ts';
import { balancersController } from '../cloud/balancers/balancers.ts';
import { LOAD_BALANCER_READY, PROVIDER_ANNOTATION } from '../cloud/balancers/marks.ts';
import { NOBODY } from '../cloud/claims.ts';
import { MemoryCloud } from '../cloud/memory.ts';
import { node } from '../cloud/testing.ts';
import { type World, world } from '../testing.ts';
import { loadBalancerController } from './loadbalancer.ts';
import { ADDRESS_ALLOCATED } from './status.ts';
import { addresses, get, pool, service } from './testing.ts';

const POOLS = [pool('pool', ['192.0.2.1-192.0.2.9'])];

test('a Service without a class is layer 2’s, unless such Services are nobody’s', async (t) => {
  const ours = {
    ...service('ours'),
    spec: { ...service('ours').spec, loadBalancerClass: 'postern.dev/load-balancer' },
  };
  const w = await world([...POOLS, service('plain'), ours], (parts) =>
    loadBalancerController({ ...parts, others: [NOBODY] }),
  );
  t.after(() => w.stop());
  assert.deepEqual(await addresses(w), { plain: '', ours: '192.0.2.1' });
});

test('Services move from layer 2 to a cloud and back as who serves those without a class changes, and are never both’s', async (t) => {
  const w = await world([...POOLS, service('plain'), node('node1', '192.0.2.100')], loadBalancerController);
  const clock = new FakeClock();
  const cloud = new MemoryCloud({ clock });
  const pass = async (of: World) => {
    for (let i = 0; i < 10; i++) {
      await clock.advance(1000);
      await of.pass(1000);
    }
  };
  await w.stop();
  assert.deepEqual(await addresses(w), { plain: '192.0.2.1' });

  const moved = await both(w, cloud, true);
  await pass(moved);
  assert.deepEqual(await addresses(moved), { plain: '203.0.113.1' });
  assert.equal((await get(moved, 'plain')).metadata.annotations?.[PROVIDER_ANNOTATION], 'memory');
  await moved.stop();

  const back = await both(moved, cloud, false);
  t.after(() => back.stop());
  await pass(back);
  assert.deepEqual(await addresses(back), { plain: '192.0.2.1' });
  assert.deepEqual(cloud.balancers(), []);
  assert.deepEqual((await get(back, 'plain')).metadata.finalizers ?? [], []);
});

test('what another provider still has something for is not layer 2’s, until that is gone', async (t) => {
  const annotations = { [PROVIDER_ANNOTATION]: 'elsewhere' };
  const w = await world([...POOLS, service('plain', { annotations })], loadBalancerController);
  t.after(() => w.stop());
  assert.deepEqual(await addresses(w), { plain: '' });
  const body = { metadata: { annotations: { [PROVIDER_ANNOTATION]: null } } };
  await w.client.patch(Service, { namespace: 'ns', name: 'plain' }, { type: 'merge', body });
  await w.settle();
  assert.deepEqual(await addresses(w), { plain: '192.0.2.1' });
});

test('two processes that both take Services without a class leave each to one of them', async (t) => {
  const names = Array.from({ length: 8 }, (_, i) => `plain-${i}`);
  const w = await world([...POOLS, node('node1', '192.0.2.100')], (parts) => {
    const cloud = new MemoryCloud({ clock: parts.clock, isDefault: true });
    const cloudOptions = { providers: [cloud.open()], sweep: minutes(5), random: () => 0 };
    const runs = [loadBalancerController(parts), balancersController({ ...parts, ...cloudOptions })];
    return async (signal) => void (await Promise.all(runs.map((run) => run(signal))));
  });
  t.after(() => w.stop());
  for (const name of names) await w.client.create(Service, service(name));
  await w.pass(10_000);
  for (const name of names) {
    const { metadata, status } = await get(w, name);
    const isClouds = metadata.annotations?.[PROVIDER_ANNOTATION] === 'memory';
    const conditions = status?.conditions?.map(({ type }) => type);
    assert.deepEqual(conditions, [isClouds ? LOAD_BALANCER_READY : ADDRESS_ALLOCATED], name);
    const [ip = ''] = status?.loadBalancer?.ingress?.map((each) => each.ip ?? '') ?? [];
    assert.ok(ip.startsWith(isClouds ? '203.0.113.' : '192.0.2.'), `${name} has ${ip}`);
  }
});

/** Both controllers, over the objects of another world. The cloud stays. */
async function both(before: World, cloud: MemoryCloud, isDefault: boolean): Promise<World> {
  const objects = [...POOLS, ...(await before.all(Service)), node('node1', '192.0.2.100')];
  return world(
    objects.map(({ metadata: { resourceVersion: _, ...metadata }, ...object }) => ({ ...object, metadata })),
    (parts) => {
      const providers = [
        { ...cloud.open(), takes: (each: Service) => isDefault && each.spec?.type === 'LoadBalancer' },
      ];
      const runs = [
        loadBalancerController({ ...parts, others: providers }),
        balancersController({ ...parts, providers, sweep: minutes(5), random: () => 0 }),
      ];
      return async (signal) => void (await Promise.all(runs.map((run) => run(signal))));
    },
  );
}
