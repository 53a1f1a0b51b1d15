import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { readAnnouncerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { failure } from '../../api/status.ts';
import { TransportError } from '../../client/client.ts';
import { fakeClient } from '../../client/fake.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { node } from '../testing.ts';
import { OwnLease } from './lease.ts';

const START = Date.UTC(2026, 0, 1);

function world() {
  const clock = new FakeClock(START);
  const client = fakeClient([], { clock });
  const ended = new AbortController();
  const state = { hears: ['n2'] as readonly string[], alone: false, announcers: 2 };
  const reachable: boolean[] = [];
  const lease = new OwnLease({
    ...{ client, nodeName: 'n1', clock, log: silentLogger },
    facts: () => ({ node: 'n1', port: 7952, hears: state.hears, onLan: true }),
    announcers: () => state.announcers,
    isAlone: () => state.alone,
    node: () => ({ ...node('n1'), metadata: { name: 'n1', uid: 'u1' } }),
    reachable: (each) => reachable.push(each),
  });
  const running = lease.run(ended.signal);
  const stored = async () => (await client.list(Lease)).items[0];
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      await clock.advance(100);
      await settle(3);
    }
  };
  const end = async () => {
    ended.abort();
    await running;
  };
  return { clock, client, lease, state, reachable, stored, pass, end };
}

test('the lease is made, goes with its Node, and is renewed every five seconds', async () => {
  const w = world();
  await w.pass(100);
  const made = await w.stored();
  assert.equal(made?.metadata.name, 'postern-l2.n1');
  assert.deepEqual(
    made?.metadata.ownerReferences?.map(({ kind, uid }) => `${kind} ${uid}`),
    ['Node u1'],
  );
  assert.equal(made?.spec?.leaseDurationSeconds, 15);
  assert.equal(w.client.writes.length, 1);
  await w.pass(5000);
  assert.equal(w.client.writes.length, 2);
  assert.deepEqual(w.reachable, [true]);
  await w.end();
});

test('what has changed is written soon, and not more often than twice a second', async () => {
  const w = world();
  await w.pass(1000);
  const before = w.client.writes.length;
  for (let i = 0; i < 20; i++) {
    w.state.hears = [`n${i}`];
    w.lease.renewSoon();
    await w.pass(100);
  }
  assert.ok(w.client.writes.length - before <= 5, `${w.client.writes.length - before} writes in two seconds`);
  await w.pass(500);
  const lease = await w.stored();
  assert.deepEqual(lease && readAnnouncerLease(lease)?.hears, ['n19']);
  await w.end();
});

test('an API that cannot be reached is told once, and again when it is back', async () => {
  const w = world();
  await w.pass(100);
  w.client.failWith(() => new TransportError('down'));
  await w.pass(12_000);
  assert.deepEqual(w.reachable, [true, false]);
  w.client.failWith(undefined);
  await w.pass(1500);
  assert.deepEqual(w.reachable, [true, false, true]);
  await w.end();
});

test('an API that refuses is there; one whose server is in trouble is not', async () => {
  const w = world();
  w.client.failWith(() => failure(403, 'Forbidden', 'no'));
  await w.pass(100);
  assert.deepEqual(w.reachable, [true]);
  w.client.failWith(() => failure(500, 'InternalError', 'no leader'));
  await w.pass(6000);
  assert.deepEqual(w.reachable, [true, false]);
  await w.end();
});

test('a node that hears nobody knows within a second and a half that the API does not answer', async () => {
  const w = world();
  await w.pass(2000);
  const { client } = w;
  const answering = client.patch.bind(client);
  client.patch = () => new Promise(() => {});
  w.state.alone = true;
  w.lease.renewSoon();
  await w.pass(1500);
  assert.deepEqual(w.reachable, [true, false]);
  client.patch = answering;
  await w.end();
});

test('a request that hangs is joined by another only after a while', async () => {
  const w = world();
  await w.pass(100);
  const answering = w.client.patch.bind(w.client);
  let asked = 0;
  w.client.patch = () => {
    asked++;
    return new Promise(() => {});
  };
  await w.pass(18_000);
  assert.ok(asked >= 2 && asked <= 4, `asked ${asked} times in 18 s`);
  w.client.patch = answering;
  await w.pass(13_000);
  assert.deepEqual(w.reachable, [true, false, true]);
  await w.end();
});

test('at the end the lease is taken back, and no renewal brings it again', async () => {
  const w = world();
  await w.pass(100);
  await w.lease.release();
  assert.equal(await w.stored(), undefined);
  await w.pass(20_000);
  assert.equal(await w.stored(), undefined);
  await w.end();
});

test('an API that does not answer holds up the end for half a second', async () => {
  const w = world();
  await w.pass(100);
  w.client.delete = () => new Promise(() => {});
  let released = false;
  void w.lease.release().then(() => {
    released = true;
  });
  await w.pass(400);
  assert.equal(released, false);
  await w.pass(200);
  assert.equal(released, true);
  await w.end();
});

test('an API that does not answer is asked more rarely where many announcers do, so that it is not kept from it', async () => {
  const asked = async (announcers: number) => {
    const w = world();
    w.state.announcers = announcers;
    await w.pass(100);
    let count = 0;
    w.client.failWith(() => {
      count++;
      return new TransportError('too busy');
    });
    w.lease.renewSoon();
    await w.pass(20_000);
    await w.end();
    return count;
  };
  assert.equal(await asked(2), 20);
  assert.equal(await asked(500), 2);
});

test('among many announcers the lease is renewed more rarely, and says for how long it counts', async () => {
  const w = world();
  w.state.announcers = 500;
  await w.pass(6000);
  const first = await w.stored();
  assert.equal(first?.spec?.leaseDurationSeconds, 150);
  await w.pass(48_000);
  assert.equal((await w.stored())?.spec?.renewTime, first?.spec?.renewTime);
  await w.pass(2000);
  assert.notEqual((await w.stored())?.spec?.renewTime, first?.spec?.renewTime);
  await w.end();
});
