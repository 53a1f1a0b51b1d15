import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../../../host/clock.ts';
import { silentLogger } from '../../../../host/log.ts';
import { OciError } from '../calls.ts';
import { type LoadBalancerRequest, requestOf } from '../request.ts';
import type { Balancers, CreateOptions } from './balancers.ts';
import { desiredLoadBalancer } from './desired.ts';
import { LoadBalancerKeeper } from './keeper.ts';
import type { ActualLoadBalancer, DesiredLoadBalancer, LifecycleState } from './model.ts';
import { ociService } from './testing.ts';

const SUBNET = 'ocid1.subnet.oc1.xx-test-1.a';

function request(): LoadBalancerRequest {
  const loadBalancer = { disabled: false, subnet1: SUBNET, subnet2: undefined, securityLists: {} };
  const defaults = { loadBalancer: { ...loadBalancer, securityListManagementMode: 'None' as const } };
  const requested = requestOf(ociService('lb'), { ...defaults, tags: { freeform: {}, defined: {} } }, 'test');
  return requested.kind === 'request' ? requested.request : assert.fail(requested.why);
}

function desired(internal = false): DesiredLoadBalancer {
  const place = { subnets: [SUBNET], families: ['IPv4'] } as const;
  const made = desiredLoadBalancer({ ...request(), internal }, { place, nodes: [] });
  return made.kind === 'desired' ? made.loadBalancer : assert.fail(made.why);
}

interface Stored {
  readonly id: string;
  readonly state: LifecycleState;
  readonly created: number;
  readonly asked: DesiredLoadBalancer;
}

/** A service whose lists are behind, as those of any cloud may be. */
class LaggingCloud {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1));
  readonly stored: Stored[] = [];
  /** What follows is done, and not answered. */
  isMute = false;
  /** Milliseconds until what is made is listed. */
  lag = 20_000;
  readonly #tokens = new Map<string, { readonly asked: string; readonly work: string }>();

  keeper(): LoadBalancerKeeper {
    const none = { ...this.#balancers(), type: 'nlb' as const, list: async () => [] };
    return new LoadBalancerKeeper({
      balancers: { lb: this.#balancers(), nlb: none },
      clock: this.clock,
      log: silentLogger,
    });
  }

  put(id: string, state: LifecycleState, created: number): void {
    this.stored.push({ id, state, created, asked: desired() });
  }

  #balancers(): Balancers {
    return {
      type: 'lb',
      list: async (name) =>
        this.stored
          .filter(({ created, asked }) => created + this.lag <= this.clock.now() && (name ?? asked.name) === asked.name)
          .map(({ id, state, created, asked }) => ({
            id,
            state,
            created,
            name: asked.name,
            subnets: [],
            freeformTags: {},
          })),
      read: async (id) => {
        const found = this.stored.find((one) => one.id === id);
        return found && { actual: actualOf(found), apply: async () => assert.fail('nothing is to be changed') };
      },
      create: async (asked, options) => this.#create(asked, options),
      remove: async (id) => {
        const at = this.stored.findIndex((one) => one.id === id);
        if (at >= 0) this.stored.splice(at, 1);
      },
      work: async (id) => ({ kind: 'done', loadBalancer: id }),
    };
  }

  #create(asked: DesiredLoadBalancer, { token }: CreateOptions): string {
    const before = this.#tokens.get(token);
    const text = JSON.stringify(asked);
    if (before !== undefined && before.asked !== text)
      throw new OciError('another request', { status: 409, code: 'InvalidatedRetryToken' });
    const work = before?.work ?? `lb${this.stored.length}`;
    if (before === undefined) this.stored.push({ id: work, state: 'ACTIVE', created: this.clock.now(), asked });
    this.#tokens.set(token, { asked: text, work });
    if (this.isMute) throw new OciError('no answer', { code: 'Timeout' });
    return work;
  }
}

function actualOf({ id, state, asked }: Stored): ActualLoadBalancer {
  const { tags, assignedAddresses: _none, ...is } = asked;
  return { ...is, id, state, addresses: [], freeformTags: tags.freeform };
}

/** Asks until one is found, with something else wanted each time. */
async function sought(
  cloud: LaggingCloud,
  keeper: LoadBalancerKeeper,
  wanted: () => DesiredLoadBalancer,
): Promise<string> {
  for (let round = 0; round < 30; round++) {
    const found = await keeper.seek(request());
    if (found.kind === 'found') return found.balancer.actual.id;
    const outcome =
      found.kind === 'waiting'
        ? found
        : await keeper.create(request(), wanted(), { certificates: {} }).catch(() => undefined);
    cloud.isMute = false;
    await cloud.clock.advance(outcome?.after ?? 5000);
  }
  return assert.fail('it is never found');
}

describe('where lists are behind', () => {
  for (const life of ['is asked again', 'is started anew'] as const) {
    test(`one is made when there was no answer and it ${life}`, async () => {
      const cloud = new LaggingCloud();
      cloud.isMute = true;
      const keeper = cloud.keeper();
      await assert.rejects(keeper.create(request(), desired(), { certificates: {} }));
      cloud.isMute = false;
      const next = life === 'is asked again' ? keeper : cloud.keeper();
      assert.equal(await sought(cloud, next, desired), 'lb0');
      assert.equal(cloud.stored.length, 1);
    });
  }

  test('one is made when there was no answer, and something else is wanted now', async () => {
    const cloud = new LaggingCloud();
    cloud.isMute = true;
    let rounds = 0;
    assert.equal(await sought(cloud, cloud.keeper(), () => desired(rounds++ > 0)), 'lb0');
    assert.equal(cloud.stored.length, 1);
  });

  for (const life of ['is told so', 'is started anew'] as const) {
    test(`none is left when the Service goes before one is seen and it ${life}`, async () => {
      const cloud = new LaggingCloud();
      const created = cloud.clock.now() + 1;
      const keeper = cloud.keeper();
      await cloud.clock.advance(1000);
      await keeper.create(request(), desired(), { certificates: {} });
      const next = life === 'is told so' ? keeper : cloud.keeper();
      for (let round = 0; round < 30; round++) {
        const left = await next.remove({ uid: request().uid, created, wasReady: false });
        if (left.kind === 'none') break;
        await cloud.clock.advance(left.after);
      }
      assert.deepEqual(cloud.stored, []);
    });
  }

  test('nothing is waited for where nothing can be on its way', async () => {
    const cloud = new LaggingCloud();
    const keeper = cloud.keeper();
    const [before, after] = [cloud.clock.now() - 5000, cloud.clock.now() + 5000];
    const kindOf = async (created: number, wasReady: boolean) =>
      (await keeper.remove({ uid: request().uid, created, wasReady })).kind;
    assert.equal(await kindOf(before, true), 'none');
    assert.equal(await kindOf(after, false), 'none');
    assert.equal(await kindOf(before, false), 'left');
    await cloud.clock.advance(60_000);
    assert.equal(await kindOf(before, false), 'none');
  });
});

test('none is left of the other type when the Service wants another meanwhile', async () => {
  const cloud = new LaggingCloud();
  cloud.isMute = true;
  const keeper = cloud.keeper();
  await assert.rejects(keeper.create(request(), desired(), { certificates: {} }));
  for (let round = 0; round < 30; round++) {
    const found = await keeper.seek({ ...request(), type: 'nlb' });
    if (found.kind !== 'waiting') break;
    await cloud.clock.advance(found.after);
  }
  assert.deepEqual(cloud.stored, []);
});

test('once one was found, its Service goes with it, however young the process', async () => {
  const cloud = new LaggingCloud();
  const now = cloud.clock.now();
  cloud.put('lb', 'ACTIVE', now - 100_000);
  const keeper = cloud.keeper();
  const leaving = { uid: request().uid, created: now - 200_000, wasReady: false };
  assert.equal((await keeper.remove(leaving)).kind, 'left');
  assert.equal((await keeper.remove(leaving)).kind, 'none');
});

test('one that serves is preferred to older ones that failed or go', async () => {
  const cloud = new LaggingCloud();
  const now = cloud.clock.now();
  cloud.put('failed', 'FAILED', now - 300_000);
  cloud.put('going', 'DELETING', now - 200_000);
  cloud.put('serving', 'ACTIVE', now - 100_000);
  const found = await cloud.keeper().seek(request());
  assert.equal(found.kind === 'found' ? found.balancer.actual.id : found.kind, 'serving');
});
