import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { START } from '../testing.ts';
import { CLEANUP_FINALIZER, PROVIDER_ANNOTATION } from './marks.ts';
import { MEMORY_CLASS, MemoryCloud } from './memory.ts';
import { OciWorld } from './oci/load-balancer/testing.ts';
import { CrashingWorld, type Surroundings } from './testing/crashing-world.ts';
import { node, service } from './testing.ts';

const KEY = { namespace: 'ns', name: 'web' };
const TYPE = 'oci.oraclecloud.com/load-balancer-type';
/** Milliseconds in which everything has come about, a kill included. */
const PATIENCE = 40_000;

for (const [name, make] of [
  ['memory', inMemory],
  ['lb', () => inOci({ [TYPE]: 'lb' })],
  ['nlb', () => inOci({ [TYPE]: 'nlb', 'oci.oraclecloud.com/security-rule-management-mode': 'NSG' })],
] as const) {
  test(`with ${name}, a controller that is killed between any two of its effects leaves nothing that costs money, and makes nothing twice`, async () => {
    for (let kill = 0; ; kill++) {
      const { around, own, made, left } = make();
      const before = left();
      const w = new CrashingWorld(around);
      await w.start({ effects: kill });
      await w.client.create(Service, own);
      await w.passing(PATIENCE);
      const found = await w.client.get(Service, KEY);
      assert.ok(found.status?.loadBalancer?.ingress?.[0]?.ip, `killed before effect ${kill}`);
      assert.equal(made(), 1, `killed before effect ${kill}`);
      await w.client.delete(Service, KEY);
      await w.passing(PATIENCE);
      assert.deepEqual((await w.client.list(Service)).items, [], `killed before effect ${kill}`);
      assert.deepEqual(left(), before, `killed before effect ${kill}`);
      await w.stop();
      if (w.kills > 0) continue;
      assert.ok(kill > 5, `there were ${kill} effects only`);
      return;
    }
  });
}

test('whatever happens, in whatever order: what costs money has a finalizer, and in the end each Service has its own', async () => {
  for (let round = 0; round < 15; round++) {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31)) + (process.env.SEED ? 0 : round);
    const random = randomOf(seed);
    const { cloud, around } = inMemory();
    const w = new CrashingWorld(around);
    try {
      await w.start();
      for (let step = 0; step < 30; step++) await happen(w, cloud, random);
      w.faults = () => {};
      w.client.failWith(undefined);
      await w.restart();
      await w.passing(400_000);
      const wanted = (await w.client.list(Service)).items.filter(
        ({ spec }) => spec?.loadBalancerClass === MEMORY_CLASS,
      );
      assert.deepEqual(
        cloud
          .balancers()
          .map(({ owner }) => owner)
          .sort(),
        wanted.map(({ metadata }) => `ns/${metadata.name}`).sort(),
      );
      const nodes = (await w.client.list(Node)).items.flatMap(({ status }) => status?.addresses?.[0]?.address ?? []);
      for (const { backends } of cloud.balancers()) {
        assert.deepEqual(backends, nodes.map((address) => `${address}:30080`).sort());
      }
      for (const each of (await w.client.list(Service)).items) {
        const isBalanced = wanted.includes(each);
        assert.equal(each.metadata.finalizers?.includes(CLEANUP_FINALIZER) ?? false, isBalanced);
        assert.equal(each.metadata.annotations?.[PROVIDER_ANNOTATION], isBalanced ? 'memory' : undefined);
        assert.equal(each.status?.loadBalancer?.ingress?.length ?? 0, isBalanced ? 1 : 0);
      }
    } catch (error) {
      throw new Error(`with SEED=${seed}`, { cause: error });
    } finally {
      await w.stop();
    }
  }
});

/** One thing that may happen to a cluster, its controller, or its provider. */
async function happen(w: CrashingWorld, cloud: MemoryCloud, random: (below: number) => number): Promise<void> {
  const name = ['web', 'shop'][random(2)] ?? '';
  const key = { namespace: 'ns', name };
  const current = await w.client.get(Service, key).catch(() => undefined);
  switch (random(9)) {
    case 0:
      if (current === undefined) await w.client.create(Service, service(name));
      break;
    case 1:
      if (current !== undefined) await w.client.delete(Service, key).catch(() => {}); // The fault of the moment.
      break;
    case 2: {
      if (current === undefined || current.metadata.deletionTimestamp !== undefined) break;
      const isBalanced = current.spec?.type === 'LoadBalancer';
      const { loadBalancerClass: _, ...spec } = current.spec ?? {};
      const next = isBalanced ? { ...spec, type: 'ClusterIP' as const } : service(name).spec;
      await w.client.update(Service, { ...current, ...(next === undefined ? {} : { spec: next }) });
      break;
    }
    case 3:
      w.client.seed(node(`node${random(3)}`, `192.0.2.${random(3)}`));
      break;
    case 4:
      await w.restart();
      break;
    case 5:
      cloud.deleteByHand(`ns/${name}`);
      break;
    case 6: {
      const bad = random(3) === 0;
      w.faults = () => {
        if (bad) throw new Error('the provider is away');
      };
      break;
    }
    case 7:
      cloud.interrupt({ nth: 1 + random(3), how: random(2) === 0 ? 'before' : 'after' });
      break;
    default:
      await w.passing(random(10) * 1000);
  }
  await settle(5);
}

function inMemory() {
  const clock = new FakeClock(START);
  const cloud = new MemoryCloud({ clock });
  const around: Surroundings = {
    clock,
    nodes: [node('node1', '192.0.2.1')],
    open: () => cloud.open(),
    beforeWrites(effect) {
      cloud.beforeWrite = effect;
    },
  };
  return { cloud, around, own: service('web'), made: () => cloud.made(), left: () => cloud.balancers() };
}

/** Oracle's provider, before a cloud that is in memory. */
function inOci(annotations: Readonly<Record<string, string>>) {
  const world = new OciWorld();
  const around: Surroundings = {
    clock: world.clock,
    nodes: world.nodes,
    open: () => world.open(),
    beforeWrites(effect) {
      world.watched.beforeWrite = effect;
    },
  };
  const own = service('web', { loadBalancerClass: 'oci.oraclecloud.com/load-balancer' });
  const { loadBalancers, networkLoadBalancers, networkSecurityGroups, securityLists } = world.cloud.state;
  return {
    around,
    own: { ...own, metadata: { ...own.metadata, annotations } },
    made: () => loadBalancers.all().length + networkLoadBalancers.all().length,
    left: () => ({
      balancers: world.balancers(),
      groups: networkSecurityGroups.all().filter(({ lifecycleState }) => lifecycleState !== 'TERMINATED'),
      rules: securityLists.all().map((list) => [list.ingressSecurityRules, list.egressSecurityRules]),
    }),
  };
}

/** Whole numbers below a bound, the same for the same seed (xorshift32). */
function randomOf(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
