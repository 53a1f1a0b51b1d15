/** Plans that are kept up to date by changes, against plans that are worked out from all objects at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import type { Kind } from '../../api/kind.ts';
import { type KubeObject, keyOf, keyText } from '../../api/meta/v1.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { isOurLoadBalancer } from '../../api/metallb/v1beta1/load-balancer-class.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { eventually, settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { testSeed } from '../../lib/random.fixture.ts';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import type { AddressPlan } from '../lan/messages.ts';
import { announcedAddresses, desiredPlan, poolOf } from '../plan/desired.ts';
import { advertisedPools, nodeFacts } from '../plan/eligible.ts';
import { advertisement, node, pool, service, slice } from '../testing.ts';
import { Plans } from './plans.ts';

const NODES = ['a', 'b', 'c', 'd'];
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '198.51.100.1', '2001:db8::1', '203.0.113.1'];
const RANGES = [
  ['192.0.2.0/24'],
  ['192.0.2.2/32', '2001:db8::/64'],
  ['198.51.100.0/24'],
  ['192.0.2.0/30', '198.51.100.1/32'],
];
const STEPS = 60;

type Client = ReturnType<typeof fakeClient>;

/** Small objects of every kind that plans rest on, made and unmade at random. */
class History {
  readonly #random: Random;
  readonly #client: Client;

  constructor(random: Random, client: Client) {
    this.#random = random;
    this.#client = client;
  }

  step(): string {
    const what = this.#one(WEIGHTED);
    const object = this[what]();
    const kind = KINDS[what] as Kind<KubeObject>;
    if (this.#chance(0.1)) {
      this.#client.remove(kind, keyOf(object));
      return `-${what} ${object.metadata.name}`;
    }
    this.#client.seed(object);
    return `+${what} ${object.metadata.name}`;
  }

  node(): Node {
    const labels = {
      ...this.#label(),
      ...(this.#chance(0.1) ? { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } : {}),
    };
    const made = node(this.#one(NODES), { labels });
    return this.#chance(0.2) ? { ...made, spec: { unschedulable: true } } : made;
  }

  service(): Service {
    const spec = {
      externalTrafficPolicy: this.#chance(0.5) ? 'Local' : 'Cluster',
      ...(this.#chance(0.2) ? { loadBalancerClass: this.#one(['example.com/x', 'postern.dev/load-balancer']) } : {}),
    } as const;
    const made = service(this.#one(['x', 'y', 'z']), this.#some(ADDRESSES), spec);
    return { ...made, metadata: { ...made.metadata, labels: this.#label() } };
  }

  slice(): EndpointSlice {
    const conditions = this.#one([
      { ready: true },
      { ready: false },
      { ready: false, serving: true, terminating: true },
    ]);
    return slice(this.#one(['x', 'y', 'z']), this.#one(['10.244.0.1', 'fd00::1']), this.#some(NODES), conditions);
  }

  pool(): IPAddressPool {
    return pool(this.#one(['p', 'q']), this.#one(RANGES), this.#label());
  }

  advertisement(): L2Advertisement {
    const selectors = [{ matchLabels: this.#label() }];
    return advertisement(this.#one(['k', 'l']), {
      ...(this.#chance(0.4) ? { ipAddressPools: [this.#one(['p', 'q'])] } : {}),
      ...(this.#chance(0.3) ? { nodeSelectors: selectors } : {}),
      ...(this.#chance(0.3) ? { serviceSelectors: selectors } : {}),
      ...(this.#chance(0.3) ? { interfaces: [this.#one(['eth0', 'eth1'])] } : {}),
      ...(this.#chance(0.3)
        ? { preferredNodeSelectors: [{ weight: 10, preference: { matchLabels: this.#label() } }] }
        : {}),
    });
  }

  settings(): MetalLB {
    const spec = this.#one([{}, {}, { nodeSelector: { rack: '1' } }, { loadBalancerClass: 'example.com/x' }]);
    const metadata = { name: 'metallb', namespace: 'metallb-system' };
    return { apiVersion: 'metallb.io/v1beta1', kind: 'MetalLB', metadata, spec };
  }

  #label(): Record<string, string> {
    return { rack: this.#one(['1', '2']) };
  }

  #one<T>(of: readonly T[]): T {
    return of[randomBelow(this.#random, of.length)] as T;
  }

  #some<T>(of: readonly T[]): readonly T[] {
    return of.filter(() => this.#chance(0.6));
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }
}

/** What plans rest on changes as often as it stands here. */
const WEIGHTED = [
  ...(['node', 'node', 'service', 'service', 'slice', 'slice', 'slice', 'slice'] as const),
  ...(['pool', 'advertisement', 'settings'] as const),
];
const KINDS = {
  node: Node,
  service: Service,
  slice: EndpointSlice,
  pool: IPAddressPool,
  advertisement: L2Advertisement,
  settings: MetalLB,
};

/** Every plan, from everything that the server has. */
async function workedOut(client: Client): Promise<Readonly<Record<string, AddressPlan>>> {
  const list = async <T extends KubeObject>(kind: Kind<T>) => (await client.list(kind)).items;
  const [settings] = await list(MetalLB);
  const nodes = (await list(Node)).flatMap((each) => nodeFacts(each, settings?.spec?.nodeSelector) ?? []);
  const { pools } = advertisedPools({
    pools: await list(IPAddressPool),
    advertisements: await list(L2Advertisement),
    nodes,
  });
  const slices = await list(EndpointSlice);
  const services = (await list(Service)).filter((each) => isOurLoadBalancer(each, settings));
  const claimsOf = (address: string) =>
    services
      .filter((each) => announcedAddresses(each).includes(address))
      .map((each) => ({
        service: each,
        slices: slices.filter((of) => serviceKeysOf(of).includes(keyText(keyOf(each)))),
      }));
  const plans = ADDRESSES.flatMap((address) => {
    const claims = claimsOf(address);
    const found = claims.length === 0 ? undefined : poolOf(address, pools);
    return found === undefined ? [] : [desiredPlan(address, claims, found)];
  });
  return Object.fromEntries(plans.map((plan) => [plan.address, plan]));
}

const seed = testSeed();
for (let i = 0; i < 10; i++) {
  test(`whatever changes, plans are as if worked out from all objects at once (POSTERN_SEED=${seed + i})`, async () => {
    const random = seededRandom(seed + i);
    const client = fakeClient([]);
    const history = new History(random, client);
    for (let step = 0; step < 50; step++) history.step();
    const informers = new Informers({ client, log: silentLogger, clock: new FakeClock() });
    const ended = new AbortController();
    const known = new Map<string, AddressPlan>();
    const plans = new Plans({
      ...{ informers, log: silentLogger },
      tell: (changed, removed) => {
        for (const plan of changed) known.set(plan.address, plan);
        for (const address of removed)
          assert.ok(known.delete(address), `${address} was told to be gone, and was not there`);
      },
    });
    void informers.start(ended.signal);
    await plans.synced;
    const log: string[] = [];
    for (let step = 0; step < STEPS; step++) {
      log.push(history.step());
      // Sometimes several changes come together.
      if (random() < 0.3) continue;
      await settle(3);
      const expected = await workedOut(client);
      await eventually(() => {
        assert.deepEqual(Object.fromEntries(known), expected, log.join('\n'));
        return true;
      });
    }
    ended.abort();
  });
}
