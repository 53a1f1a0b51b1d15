import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { type FakeClient, fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { minutes } from '../../lib/duration.ts';
import { START } from '../testing.ts';
import { balancersController } from './balancers.ts';
import { CLEANUP_FINALIZER, PROVIDER_ANNOTATION } from './marks.ts';
import { MEMORY_CLASS, MemoryCloud } from './memory.ts';
import { node, service } from './testing.ts';

const KEY = { namespace: 'ns', name: 'web' };

test('a controller that is killed between any two of its effects leaves nothing that costs money, and makes nothing twice', async () => {
  for (let kill = 0; ; kill++) {
    const w = new CrashingWorld();
    await w.start({ effects: kill });
    await w.client.create(Service, service('web'));
    await w.passing(20_000);
    assert.equal(w.cloud.made(), 1, `killed before effect ${kill}`);
    const found = await w.client.get(Service, KEY);
    assert.equal(found.status?.loadBalancer?.ingress?.length, 1, `killed before effect ${kill}`);
    await w.client.delete(Service, KEY);
    await w.passing(20_000);
    assert.deepEqual(w.cloud.balancers(), [], `killed before effect ${kill}`);
    assert.deepEqual((await w.client.list(Service)).items, [], `killed before effect ${kill}`);
    await w.stop();
    if (w.kills > 0) continue;
    assert.ok(kill > 5, `there were ${kill} effects only`);
    return;
  }
});

test('whatever happens, in whatever order: what costs money has a finalizer, and in the end each Service has its own', async () => {
  for (let round = 0; round < 15; round++) {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31)) + (process.env.SEED ? 0 : round);
    const random = randomOf(seed);
    const w = new CrashingWorld();
    try {
      await w.start();
      for (let step = 0; step < 30; step++) await happen(w, random);
      w.faults = () => {};
      w.client.failWith(undefined);
      await w.restart();
      await w.passing(400_000);
      const wanted = (await w.client.list(Service)).items.filter(
        ({ spec }) => spec?.loadBalancerClass === MEMORY_CLASS,
      );
      assert.deepEqual(
        w.cloud
          .balancers()
          .map(({ owner }) => owner)
          .sort(),
        wanted.map(({ metadata }) => `ns/${metadata.name}`).sort(),
      );
      const nodes = (await w.client.list(Node)).items.flatMap(({ status }) => status?.addresses?.[0]?.address ?? []);
      for (const { backends } of w.cloud.balancers()) {
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
async function happen(w: CrashingWorld, random: (below: number) => number): Promise<void> {
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
      w.cloud.deleteByHand(`ns/${name}`);
      break;
    case 6: {
      const bad = random(3) === 0;
      w.faults = () => {
        if (bad) throw new Error('the provider is away');
      };
      break;
    }
    case 7:
      w.cloud.interrupt({ nth: 1 + random(3), how: random(2) === 0 ? 'before' : 'after' });
      break;
    default:
      await w.passing(random(10) * 1000);
  }
  await settle(5);
}

/** A cluster and a provider that stay, while the controller may be killed before any of its effects. */
class CrashingWorld {
  readonly clock = new FakeClock(START);
  readonly client: FakeClient = fakeClient([node('node1', '192.0.2.1')], { clock: this.clock });
  readonly cloud = new MemoryCloud({ clock: this.clock });
  kills = 0;
  faults: (what: string) => void = () => {};
  #end = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /** `effects`: after so many it is killed, and started anew. */
  async start({ effects = Number.POSITIVE_INFINITY }: { readonly effects?: number } = {}): Promise<void> {
    let left = effects;
    const end = new AbortController();
    this.#end = end;
    const effect = (): Error | undefined => {
      if (left-- > 0 && !end.signal.aborted) return undefined;
      end.abort();
      return new Error('killed');
    };
    const informers = new Informers({ client: this.client, log: silentLogger, clock: this.clock });
    this.cloud.beforeWrite = (what) => {
      const killed = effect();
      if (killed) throw killed;
      this.faults(what);
      if (what.startsWith('create')) this.#mustBeMarked(what.slice('create '.length));
    };
    const parts = { client: this.#effects(effect), informers, clock: this.clock, log: silentLogger };
    const options = { providers: [this.cloud.open()], sweep: minutes(5), random: () => 0 };
    const run = balancersController({ ...parts, ...options });
    await informers.start(end.signal);
    this.#running = run(end.signal);
    await settle();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Lets time pass; who was killed is started again. */
  async passing(ms: number): Promise<void> {
    await settle();
    for (let left = ms; left > 0; left -= 1000) {
      if (this.#end.signal.aborted) {
        this.kills++;
        await this.restart();
      }
      await this.clock.advance(Math.min(left, 1000));
      await settle(8);
    }
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
    await settle(3);
  }

  /** The client of one life: its writes of Services are effects. What it says of them in Events is lost with it. */
  #effects(effect: () => Error | undefined): FakeClient {
    const { client } = this;
    return new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const [kind] = args;
          const killed = name === 'patch' && kind === Service ? effect() : undefined;
          return killed === undefined ? value.apply(target, args) : Promise.reject(killed);
        };
      },
    });
  }

  #mustBeMarked(owner: string): void {
    const mark = this.client.writes.some(({ verb, key }) => verb === 'patch' && key === owner);
    assert.ok(mark, `${owner} has no finalizer`);
  }
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
