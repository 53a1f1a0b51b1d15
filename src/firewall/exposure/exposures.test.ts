/** What is followed change by change, against what all objects say at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { type FakeClient, fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { settle } from '../../client/testing.ts';
import { silentLogger } from '../../host/log.ts';
import { testSeed } from '../../lib/random.fixture.ts';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import { admissionKey, type Opening } from '../backend.ts';
import { apiSlice, lines, node, service } from '../testing.ts';
import { exposedAtOnce } from './at-once.ts';
import { Exposures, type ExposuresOptions } from './exposures.ts';

const STEPS = 150;
const PLACE: Omit<ExposuresOptions, 'informers' | 'changed' | 'mistaken'> = {
  ...{ nodeName: 'a', addresses: ['192.0.2.1', '2001:db8::1'], heartbeatPort: 7952 },
  ...{ policy: 'managed', enforces: false },
};

test('whatever happens to objects, what is followed is what they say', async () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  const client = fakeClient([node('a', ['192.0.2.1'])]);
  const ending = new AbortController();
  const informers = new Informers({ client, log: silentLogger });
  const exposures = new Exposures({ ...PLACE, informers, changed: () => {}, mistaken: () => {} });
  await informers.start(ending.signal);
  const told = new Map<string, Opening>();
  for (let step = 0; step < STEPS; step++) {
    const what = change(client, random);
    await settle(4);
    const { added, removed } = await exposures.takeChanges(ending.signal);
    for (const one of removed) told.delete(admissionKey(one));
    for (const one of added) told.set(admissionKey(one), one);
    const [services, nodes, slices] = await Promise.all([
      client.list(Service),
      client.list(Node),
      client.list(EndpointSlice),
    ]);
    const objects = { services: services.items, nodes: nodes.items, slices: slices.items };
    const expected = exposedAtOnce(objects, PLACE).openings;
    assert.deepEqual(admissions([...told.values()]), admissions(expected), `seed ${seed}, step ${step}: ${what}`);
    assert.deepEqual(lines(exposures.all()), lines([...told.values()]));
  }
  ending.abort();
});

/** Of who shares an address and port, the one that came first is told as its owner. */
const admissions = (all: readonly Opening[]) => lines(all).map((line) => line.replace(/\S+ of \S+/, ''));

/** Changes one object, or takes one away. */
function change(client: FakeClient, random: Random): string {
  const one = <T>(...all: readonly [T, ...T[]]): T => all[randomBelow(random, all.length)] ?? all[0];
  const name = one('x', 'y', 'z');
  switch (one('service', 'service', 'service', 'remove', 'node', 'slice')) {
    case 'remove':
      if (random() < 0.5) client.remove(Service, { namespace: 'n', name });
      else client.remove(Node, { name: one('a', 'b', 'c') });
      return `-${name}`;
    case 'node':
      client.seed(
        node(
          one('a', 'b', 'c'),
          one<readonly string[]>(['192.0.2.1'], ['192.0.2.2', '2001:db8::2'], []),
          one({}, { edge: '' }),
        ),
      );
      return 'node';
    case 'slice':
      client.seed(apiSlice(one('192.0.2.1', '192.0.2.2'), one(6443, 443)));
      return 'slice';
    case 'service':
      client.seed(someService(name, one));
      return `+${name}`;
  }
}

function someService(name: string, one: <T>(...all: readonly [T, ...T[]]) => T): Service {
  return service(name, {
    type: one('ClusterIP', 'NodePort', 'LoadBalancer'),
    ports: [{ port: one(80, 443), nodePort: one(0, 30_080, 30_443) }],
    externalIPs: one([], ['203.0.113.1']),
    ingress: one([], [{ ip: '198.51.100.1' }], [{ ip: '2001:db8:1::1' }]),
    loadBalancerSourceRanges: one([], ['203.0.113.0/24']),
    annotations: one(
      {},
      { 'postern.dev/firewall': one('none', 'enforce', 'off') },
      { 'postern.dev/firewall-nodes': 'edge' },
    ),
  });
}

test('at once: what is left alone is told apart, and not where somebody else has it opened', () => {
  const port = { type: 'LoadBalancer', clusterIPs: ['10.96.0.9'] } as const;
  const alone = { ...port, annotations: { 'postern.dev/firewall': 'none' } };
  const services = [
    service('own', { ...alone, ports: [{ port: 80, nodePort: 30_080 }] }),
    service('shared', { ...alone, externalIPs: ['203.0.113.1'], ports: [{ port: 81 }] }),
    service('open', { ...port, externalIPs: ['203.0.113.1'], ports: [{ port: 81 }] }),
  ];
  const exposed = exposedAtOnce({ services, nodes: [], slices: [] }, PLACE);
  assert.deepEqual(lines(exposed.leftAlone), ['tcp 192.0.2.1 30080 node-port of n/own']);
  assert.deepEqual(lines(exposed.openings), ['tcp 203.0.113.1 81 external-ip of n/open']);
});

test('of a thousand Services, only the one that changes is looked at', async () => {
  const client = fakeClient(
    Array.from({ length: 1000 }, (_, i) =>
      service(`s${i}`, { type: 'NodePort', ports: [{ port: 80, nodePort: 30_000 + i }] }),
    ),
  );
  const ending = new AbortController();
  const informers = new Informers({ client, log: silentLogger });
  const exposures = new Exposures({ ...PLACE, informers, changed: () => {}, mistaken: () => {} });
  await informers.start(ending.signal);
  assert.equal((await exposures.takeChanges(ending.signal)).added.length, 2000);
  client.seed(service('s7', { type: 'NodePort', ports: [{ port: 80, nodePort: 31_999 }] }));
  await settle();
  const looked: unknown[] = [];
  const { services } = exposures;
  const get = services.get.bind(services);
  services.get = (key) => {
    looked.push(key);
    return get(key);
  };
  const { added, removed } = await exposures.takeChanges(ending.signal);
  assert.deepEqual(looked, ['n/s7']);
  assert.deepEqual([added.length, removed.length], [2, 2]);
  ending.abort();
});
