import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { FakeClock } from '../../host/clock.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { type Json, startTestServer, type TestServer } from '../testing/server.ts';
import { leaseName, leaseOf, placesOf } from './lease.ts';
import { forgotten, living, type Seen, see } from './living.ts';

const lease = (name: string, now: number): Lease => leaseOf(name, { holder: `${name}_1`, places: [], now });
const names = (leases: readonly Lease[]) => leases.map(({ metadata }) => metadata.name);

/** Looks each second, at leases as they are then. */
function lookAt(times: readonly number[], leasesAt: (now: number) => readonly Lease[]): ReadonlyMap<string, Seen> {
  let seen: ReadonlyMap<string, Seen> = new Map();
  let before: number | undefined;
  for (const now of times) {
    seen = see(seen, { leases: leasesAt(now), now, before });
    before = now;
  }
  return seen;
}

describe('the lease of a server', () => {
  it('is good for six seconds after it was last seen to change, whatever time it tells', () => {
    const seconds = [0, 2000, 4000, 6000, 7000];
    const seen = lookAt(seconds, (now) => [lease('renewed', now - 9e9), lease('silent', 9e12)]);
    assert.deepEqual(names(living(seen, 5999)), ['renewed', 'silent']);
    assert.deepEqual(names(living(seen, 7000)), ['renewed']);
    assert.deepEqual(names(forgotten(seen, 59_000)), []);
    assert.deepEqual(names(forgotten(seen, 60_000)), ['silent']);
  });

  it('is given its time anew by a server that could not look for long', () => {
    const seen = lookAt([0, 2000, 12_000], () => [lease('a', 0)]);
    assert.deepEqual(names(living(seen, 17_000)), ['a']);
    assert.deepEqual(names(living(seen, 18_000)), []);
  });

  it('says where the server is; what is no address there is passed over', () => {
    const places = [
      { address: '192.0.2.1', port: 6443 },
      { address: 'fd00::1', port: 443 },
    ];
    assert.deepEqual(placesOf(leaseOf('a', { holder: 'a', places, now: 0 })), places);
    const bad = {
      metadata: { annotations: { 'postern.dev/addresses': 'x,https://evil.example:1,,https://192.0.2.1:7' } },
    };
    assert.deepEqual(placesOf(bad as unknown as Lease), [{ address: '192.0.2.1', port: 7 }]);
  });
});

describe('two API servers on one store', () => {
  const clock = new FakeClock(Date.now());
  const store = openMemoryStore();
  const open = new Set<TestServer>();
  after(async () => {
    let left = open.size; // Closing again is closing once.
    for (const { server } of open) void server.close().then(() => left--);
    while (left > 0) {
      await clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await store.close();
    for (const { dir } of open) await rm(dir, { recursive: true });
  });

  async function start(name: string, advertise: readonly string[]) {
    const told: (readonly string[])[] = [];
    const onChange = (urls: readonly string[]) => void told.push(urls);
    const [first] = open;
    const server = await startTestServer({
      ...{ store, clock, advertise: () => advertise, peers: { name, onChange } },
      // Servers of one cluster have one authority.
      ...(first === undefined ? {} : { pkiDir: join(first.dir, 'pki') }),
    });
    open.add(server);
    return { server, told };
  }

  const slices = async (server: TestServer): Promise<Record<string, string[]>> => {
    const { body } = await server.call('GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices');
    return Object.fromEntries(
      body.items.map(({ endpoints, ports }: Json) => [
        ports[0].port,
        endpoints.map(({ addresses }: Json) => addresses[0]),
      ]),
    );
  };
  const leases = async (server: TestServer): Promise<Json[]> => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
    const selector = encodeURIComponent('apiserver.kubernetes.io/identity=kube-apiserver');
    return (await server.call('GET', `${path}?labelSelector=${selector}`)).body.items;
  };

  /** Lets seconds pass until it holds. */
  async function passing(limit: number, holds: () => Promise<boolean>): Promise<number> {
    for (let passed = 0; passed <= limit; passed++) {
      for (let turn = 0; turn < 12; turn++) if (await holds()) return passed;
      await clock.advance(1000);
    }
    return assert.fail(`not within ${limit} s`);
  }

  it('are both endpoints of default/kubernetes, and know each other; one that goes is none any more', async () => {
    const first = await start('first', ['192.0.2.1', 'fd00::1']);
    const second = await start('second', ['fd00::2', '192.0.2.2']);
    const all = { [first.server.server.port]: ['192.0.2.1'], [second.server.server.port]: ['192.0.2.2'] };
    const isAll = async () => JSON.stringify(await slices(first.server)) === JSON.stringify(all);
    await passing(8, isAll);
    await passing(8, async () => first.told.at(-1)?.length === 4);
    assert.deepEqual(
      (await leases(first.server)).map(({ metadata, spec }) => [metadata.name, spec.leaseDurationSeconds]).sort(),
      [leaseName('first'), leaseName('second')].map((name) => [name, 6]).sort(),
    );
    const endpoints = await first.server.call('GET', '/api/v1/namespaces/default/endpoints/kubernetes');
    assert.equal(endpoints.body.subsets.length, 2);

    const closed = second.server.server.close();
    await passing(2, async () => Object.keys(await slices(first.server)).length === 1);
    await passing(2, async () =>
      Promise.race([closed.then(() => true), new Promise<false>((r) => setImmediate(r, false))]),
    );
    assert.equal((await leases(first.server)).length, 1);
  });

  it('do not miss one for long that ends without a word, and forget it in the end', async () => {
    const third = await start('third', ['192.0.2.3']);
    const { port } = third.server.server;
    const [first] = open;
    assert.ok(first);
    const dead = leaseOf('apiserver-dead', { holder: 'dead', places: [{ address: '192.0.2.9', port }], now: 0 });
    await first.call('POST', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases', { body: dead });
    await passing(8, async () => (await slices(first))[port]?.join() === '192.0.2.3,192.0.2.9');
    const took = await passing(9, async () => (await slices(first))[port]?.join() === '192.0.2.3');
    assert.ok(took >= 5, `${took}`);
    for (let passed = 0; passed < 70; passed += 2) {
      await clock.advance(2000);
      await first.call('GET', '/livez');
    }
    await passing(8, async () => (await leases(first)).length === 2);
  });
});
