/** Random histories of pools and Services, with restarts and failing writes in between, and what must hold all the while. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Namespace } from '../../api/core/v1/namespace.ts';
import { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { conflict, isConflict } from '../../api/status.ts';
import { type Client, TransportError } from '../../client/client.ts';
import { addressesOf } from '../../lib/address-range.ts';
import { IP_FAMILIES, printIP } from '../../lib/ip.ts';
import { testSeed } from '../../lib/random.fixture.ts';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import { type World, world } from '../testing.ts';
import { loadBalancerController } from './loadbalancer.ts';
import { whyNotFor } from './pool.ts';
import { poolTable } from './pool-table.ts';
import { addressRequest, currentAddresses } from './request.ts';
import { whyNotShared } from './sharing.ts';
import { ADDRESS_ALLOCATED } from './status.ts';
import { pool, service } from './testing.ts';

const seed = testSeed();
const random = seededRandom(seed);
const one = <T>(...of: readonly [T, ...T[]]): T => of[randomBelow(random, of.length)] ?? of[0];
const maybe = <T extends object>(chance: number, what: () => T): T | Record<never, never> =>
  random() < chance ? what() : {};

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
const POOLS = ['p', 'q', 'r'] as const;

/** Each pool has its own addresses, so that none is refused; sometimes they overlap with another's. */
function somePool(): IPAddressPool {
  const name = one(...POOLS);
  const at = random() < 0.1 ? 0 : 16 * POOLS.indexOf(name);
  const ranges = [
    `10.0.0.${at + randomBelow(random, 3)}-10.0.0.${at + 2 + randomBelow(random, 4)}`,
    `2001:db8::${at}/127`,
  ];
  return pool(name, random() < 0.6 ? ranges : ranges.slice(0, 1), {
    created: `2026-01-01T00:00:0${POOLS.indexOf(name)}Z`,
    autoAssign: random() < 0.85,
    avoidBuggyIPs: random() < 0.3,
    ...maybe(0.4, () => ({
      serviceAllocation: {
        priority: randomBelow(random, 3),
        ...maybe(0.4, () => ({ namespaceSelectors: [{ matchLabels: { env: 'prod' } }] })),
        ...maybe(0.4, () => ({ serviceSelectors: [{ matchLabels: { tier: one('x', 'y') } }] })),
      },
    })),
  });
}

function balancer(): Partial<NonNullable<Service['spec']>> {
  return {
    type: 'LoadBalancer',
    ...maybe(0.3, () => ({ externalTrafficPolicy: 'Local' as const, selector: { app: one('m', 'n') } })),
    ...maybe(0.05, () => ({ loadBalancerClass: 'example.org/other' })),
  };
}

/** `shares` is how likely it is to share addresses. */
function someService(name: string, shares = 0.5): Service {
  const [first, second] = name < 'd' ? (['IPv6', 'IPv4'] as const) : (['IPv4', 'IPv6'] as const);
  const families = one(
    { ipFamilies: [first], ipFamilyPolicy: 'SingleStack' } as const,
    { ipFamilies: [first, second], ipFamilyPolicy: one('PreferDualStack', 'RequireDualStack') } as const,
  );
  return service(name, {
    created: `2026-01-02T00:00:0${randomBelow(random, 9)}Z`,
    ...maybe(0.5, () => ({ labels: { tier: one('x', 'y') } })),
    annotations: {
      ...maybe(shares, () => ({ 'metallb.io/allow-shared-ip': one('k', 'l') })),
      ...maybe(0.1, () => ({ 'metallb.io/address-pool': one(...POOLS) })),
      ...maybe(0.1, () => ({ 'metallb.io/loadBalancerIPs': `10.0.0.${randomBelow(random, 40)}` })),
    },
    spec: {
      ...families,
      ports: [{ port: one(80, 81, 82), protocol: one('TCP', 'UDP') }],
      ...(random() < 0.1 ? { type: 'ClusterIP' } : balancer()),
    },
  });
}

const namespace = (env: string): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'ns', labels: { env } },
});

/** Lets something happen, as somebody else does it. */
async function step(w: World, shares?: number): Promise<void> {
  const kind = random();
  if (kind < 0.12) w.client.seed(somePool());
  else if (kind < 0.16) w.client.remove(IPAddressPool, { namespace: 'metallb-system', name: one(...POOLS) });
  else if (kind < 0.2) w.client.seed(namespace(one('prod', 'test')));
  else if (kind < 0.35) w.client.remove(Service, { namespace: 'ns', name: one(...NAMES) });
  else {
    const next = someService(one(...NAMES), shares);
    const known = await w.find(Service, { namespace: 'ns', name: next.metadata.name ?? '' });
    if (known === undefined) w.client.seed(next);
    // Between the look and the edit the controller may have written; then somebody else is only told to try again.
    else
      await w.client
        .update(Service, edited(known, next))
        .catch((error: unknown) => assert.ok(isConflict(error), String(error)));
  }
}

/** What becomes of a Service that somebody makes like another: what is not theirs to say stays. */
function edited({ metadata, spec = {} }: Service, next: Service): Service {
  const ours = Object.entries(metadata.annotations ?? {}).filter(([key]) =>
    /ip-allocated-from-pool|^postern/.test(key),
  );
  const { labels = {}, annotations = {} } = next.metadata;
  const { loadBalancerClass: _, ...wanted } = next.spec ?? {};
  return {
    ...next,
    metadata: { ...metadata, labels, annotations: { ...annotations, ...Object.fromEntries(ours) } },
    // A class cannot be changed.
    spec: spec.loadBalancerClass === undefined ? wanted : { ...wanted, loadBalancerClass: spec.loadBalancerClass },
  };
}

/** Addresses that two have who may not share them. */
function doubles(services: readonly Service[]): readonly string[] {
  return services.flatMap((a, i) =>
    services.slice(i + 1).flatMap((b) => {
      const common = currentAddresses(a).filter((ip) =>
        currentAddresses(b).some((other) => printIP(other) === printIP(ip)),
      );
      const [first, second] = [addressRequest(a).tenant, addressRequest(b).tenant];
      return whyNotShared(first, second) === undefined
        ? []
        : common.map((ip) => `${printIP(ip)} of ${first.key} and ${second.key}`);
    }),
  );
}

const isOurs = ({ spec }: Service) => spec?.type === 'LoadBalancer' && spec.loadBalancerClass === undefined;

/** What must hold once everything has been done. */
async function check(w: World): Promise<void> {
  const services = (await w.all(Service)).filter(isOurs);
  const objects = await w.all(IPAddressPool);
  const table = poolTable(objects);
  const namespaceLabels = (await w.all(Namespace))[0]?.metadata.labels ?? {};
  const taken = new Map(services.flatMap((each) => currentAddresses(each).map((ip) => [printIP(ip), ip])));
  assert.deepEqual(doubles(services), []);
  for (const each of services) {
    const {
      tenant,
      families,
      labels,
      namespace: where,
      addresses,
      partial,
      pool: asked,
      mistake,
    } = addressRequest(each);
    const has = currentAddresses(each);
    const given = findCondition(each.status?.conditions, ADDRESS_ALLOCATED);
    assert.equal(given?.status, has.length > 0 ? 'True' : 'False', tenant.key);
    const from = has.map((ip) => table.poolOf(ip));
    const [own] = from;
    assert.ok(new Set(from).size <= 1, `${tenant.key}: all of one pool`);
    assert.ok(
      has.every((ip) => families.includes(ip.family)),
      `${tenant.key}: only of its families`,
    );
    assert.ok(has.length === 0 || has.length === families.length || partial, `${tenant.key}: of all its families`);
    assert.equal(each.metadata.annotations?.['metallb.io/ip-allocated-from-pool'], own?.name);
    if (has.length > 0) {
      assert.ok(own, `${tenant.key}: of a pool`);
      assert.equal(whyNotFor(own, { namespace: where, labels, namespaceLabels }), undefined);
      assert.ok(asked === undefined || own.name === asked);
      continue;
    }
    // One by one: no pool that is for it has an address for it in each family.
    for (const candidate of addresses.length > 0 || mistake !== undefined ? [] : table.pools) {
      if (whyNotFor(candidate, { namespace: where, labels, namespaceLabels }) !== undefined) continue;
      if (asked === undefined ? !candidate.autoAssign : candidate.name !== asked) continue;
      const free = candidate.addresses.ranges
        .flatMap((range) => [...addressesOf(range)])
        .filter((ip) => {
          const isFree = services.every((other) => {
            const isThere = currentAddresses(other).some((each) => printIP(each) === printIP(ip));
            return !isThere || whyNotShared(tenant, addressRequest(other).tenant) === undefined;
          });
          return table.poolOf(ip) === candidate && isFree;
        });
      const offered = families.filter((family) => free.some((ip) => ip.family === family));
      assert.ok(
        partial ? offered.length === 0 : offered.length < families.length,
        `${tenant.key} could have ${free.map(printIP)} of ${candidate.name}`,
      );
    }
  }
  for (const object of objects) {
    const own = table.pools.find(({ key }) => key === `metallb-system/${object.metadata.name}`);
    const all = (own?.addresses.ranges ?? [])
      .flatMap((range) => [...addressesOf(range)])
      .filter((ip) => table.poolOf(ip) === own);
    for (const family of IP_FAMILIES) {
      const size = all.filter((ip) => ip.family === family).length;
      const assigned = all.filter((ip) => ip.family === family && taken.has(printIP(ip))).length;
      assert.deepEqual(
        [object.status?.[`assigned${family}`], object.status?.[`available${family}`]],
        [assigned, size - assigned],
        object.metadata.name,
      );
    }
  }
}

const assignments = async (w: World) =>
  (await w.all(Service)).map((each) => [each.metadata.name, currentAddresses(each).map(printIP)] as const).sort();

async function objectsOf(w: World): Promise<KubeObject[]> {
  return [...(await w.all(Namespace)), ...(await w.all(IPAddressPool)), ...(await w.all(Service))];
}

const start = (objects: readonly KubeObject[]) => world(objects, loadBalancerController);

async function quiet(w: World): Promise<void> {
  await w.settle();
  // Counters that were changed by somebody else are set right after ten seconds.
  await w.pass(12_000);
}

/** Fails one write in ten, in two ways, until it is told to stop. */
function trouble(w: World, chance: Random): void {
  w.client.failWith((verb, kind) => {
    if (verb !== 'updateStatus' || chance() > 0.1) return undefined;
    return chance() < 0.5 ? conflict(Service, kind, 'the object has been modified') : new TransportError('no answer');
  });
}

/** Lets others work for a moment, up to so many turns long. */
async function turns(most: number): Promise<void> {
  for (let left = randomBelow(random, most); left > 0; left--) await Promise.resolve();
}

/** As {@link start}, with an eye on each write: notes addresses that are written and are in another's status. */
function startWatched(objects: readonly KubeObject[], violations: string[]): Promise<World> {
  return world(objects, (parts) => {
    const { client } = parts;
    const look = async (written: KubeObject): Promise<void> => {
      const { items } = await client.list(Service);
      const others = items.filter((each) => isOurs(each) && each.metadata.name !== written.metadata.name);
      const theirs = new Set(others.flatMap(currentAddresses).map(printIP));
      const twice = currentAddresses(written as Service).filter((ip) => theirs.has(printIP(ip)));
      violations.push(...twice.map((ip) => `${written.metadata.name} ${printIP(ip)}`));
    };
    // Requests and answers take their time, and informers hear of a write before or after its answer.
    const updateStatus: Client['updateStatus'] = async (kind, object) => {
      await turns(10);
      if (kind.kind === 'Service') await look(object);
      const written = await client.updateStatus(kind, object);
      await turns(10);
      return written;
    };
    const watched = new Proxy(client, {
      get(target, name) {
        const value: unknown = name === 'updateStatus' ? updateStatus : Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return loadBalancerController({ ...parts, client: watched });
  });
}

test(`no address is given that another has, not for a moment (POSTERN_SEED=${seed})`, async () => {
  const violations: string[] = [];
  const w = await startWatched([namespace('test'), pool('p', ['10.0.0.0-10.0.0.3', '2001:db8::0/127'])], violations);
  trouble(w, random);
  for (let i = 0; i < 400; i++) {
    await step(w, 0);
    await turns(30);
    if (random() < 0.1) await quiet(w);
  }
  assert.deepEqual(violations, []);
  await w.stop();
});

test(`no history gives an address twice, or strands one (POSTERN_SEED=${seed})`, async () => {
  let w = await start([namespace('test'), pool('p', ['10.0.0.0-10.0.0.3', '2001:db8::0/127'])]);
  for (let round = 0; round < 60; round++) {
    trouble(w, random);
    for (let i = randomBelow(random, 8); i >= 0; i--) {
      await step(w);
      // Others may see it at any moment.
      await turns(20);
    }
    if (random() < 0.2) {
      // Ended in the middle of it; what it was writing is written or not.
      await w.stop();
      w = await start(await objectsOf(w));
    }
    w.client.failWith(undefined);
    await quiet(w);
    await check(w);
  }
  await w.stop();
});

test(`two controllers at once, as there must not be, leave no address given twice (POSTERN_SEED=${seed})`, async () => {
  const w = await world([namespace('test'), somePool()], loadBalancerController, loadBalancerController);
  for (let round = 0; round < 20; round++) {
    trouble(w, random);
    for (let i = randomBelow(random, 8); i >= 0; i--) {
      await step(w);
      await turns(20);
    }
    w.client.failWith(undefined);
    await w.settle();
    const twice = async () => doubles((await w.all(Service)).filter(isOurs));
    // What two have given at the same moment is mended, but who finds his work undone again and again waits up to a minute.
    for (let waited = 0; waited < 40 && (waited === 0 || (await twice()).length > 0); waited++) await w.pass(5000);
    assert.deepEqual(await twice(), []);
  }
  await w.stop();
});

test(`a restart changes nothing, and the same objects give the same assignment (POSTERN_SEED=${seed})`, async () => {
  for (let round = 0; round < 15; round++) {
    const objects = new Map<string, KubeObject>();
    for (const each of [
      namespace(one('prod', 'test')),
      ...POOLS.map(() => somePool()),
      ...NAMES.map((name) => someService(name)),
    ]) {
      objects.set(`${each.kind}/${each.metadata.name}`, each);
    }
    const first = await start([...objects.values()]);
    await quiet(first);
    await check(first);
    const given = await assignments(first);
    await first.stop();
    const again = await start(await objectsOf(first));
    await quiet(again);
    assert.deepEqual(
      again.client.writes.filter(({ kind }) => kind !== 'Event'),
      [],
    );
    await again.stop();
    const shuffled = [...objects.values()].map((each) => ({ each, at: random() })).sort((a, b) => a.at - b.at);
    const anew = await start(shuffled.map(({ each }) => each));
    await quiet(anew);
    assert.deepEqual(await assignments(anew), given);
    await anew.stop();
  }
});
