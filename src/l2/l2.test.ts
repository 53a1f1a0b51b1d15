import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Event } from '../api/core/v1/event.ts';
import { fakeClient } from '../client/fake.ts';
import { eventually, settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { startL2 } from './l2.ts';
import type { FromLan, LanStatus } from './lan/messages.ts';
import type { Thread, ToThread } from './lan/thread.ts';
import { advertisement, node, pool, service, slice } from './testing.ts';

const A = '192.0.2.100';
const STATUS: LanStatus = {
  ...{ announcing: [], conflicts: [], peers: [], elected: { [A]: 'n1' }, silent: undefined },
  counts: { elections: 3 },
};

async function world() {
  const posted: ToThread[] = [];
  let say: (message: FromLan) => void = () => {};
  let exit: () => void = () => {};
  const thread: Thread = {
    post: (message) => posted.push(message),
    onMessage: (listener) => {
      say = listener;
    },
    onExit: (listener) => {
      exit = () => listener(new Error('out of memory'));
    },
    terminate: () => {},
  };
  const api = fakeClient([
    node('n1', { internalIPs: ['192.0.2.1', '2001:db8::1'] }),
    node('n2', { internalIPs: ['192.0.2.2'] }),
    pool('lan', ['192.0.2.0/24']),
    advertisement('lan'),
    service('web', [A]),
    slice('web', '10.244.1.5', ['n1', 'n2']),
  ]);
  const [clock, ended] = [new FakeClock(), new AbortController()];
  const l2 = await startL2(
    { client: api, nodeName: 'n1', log: silentLogger, clock, startThread: () => thread },
    ended.signal,
  );
  await l2.synced;
  await settle();
  const last = (kind: ToThread['kind']) => posted.findLast((message) => message.kind === kind);
  return { api, l2, clock, ended, posted, last, say: (message: FromLan) => say(message), exit: () => exit() };
}

test('the thread is told who this node is, who the others are, and who may announce what', async () => {
  const { ended, last, posted } = await world();
  assert.deepEqual(last('self'), { kind: 'self', addresses: ['192.0.2.1', '2001:db8::1'] });
  const plans = posted.flatMap((message) => (message.kind === 'plans' ? message.changed : []));
  assert.deepEqual(
    plans.map(({ address, services, candidates }) => [address, services, candidates.map((each) => each.node).sort()]),
    [[A, ['ns/web'], ['n1', 'n2']]],
  );
  assert.ok(posted.findIndex(({ kind }) => kind === 'synced') > posted.findIndex(({ kind }) => kind === 'plans'));
  await eventually(() => {
    const peers = last('peers');
    assert.deepEqual(peers?.kind === 'peers' && peers.peers.map(({ name }) => name), ['n2']);
  });
  ended.abort();
});

test('an address of the node that changes is told', async () => {
  const { api, ended, last } = await world();
  api.seed(node('n1', { internalIPs: ['192.0.2.7'] }));
  await eventually(() => {
    assert.deepEqual(last('self'), { kind: 'self', addresses: ['192.0.2.7'] });
  });
  ended.abort();
});

test('the Service’s Events say who announces it', async () => {
  const { api, ended, say } = await world();
  const announced = { address: A, protocol: 'ARP', interfaces: ['eth0'], services: ['ns/web'], since: 0 } as const;
  say({ kind: 'announcing', announced });
  await eventually(async () => {
    const { items } = await api.list(Event);
    const texts = items.map(({ reason, message, involvedObject }) => [reason, message, involvedObject.name]);
    assert.deepEqual(texts, [['nodeAssigned', 'announcing from node "n1" with protocol "layer2"', 'web']]);
  });
  ended.abort();
});

test('the status is the thread’s answer, and a thread that does not answer is an error', async () => {
  const { l2, clock, ended, last, say } = await world();
  const status = l2.status();
  const asked = last('ask');
  if (asked?.kind !== 'ask') throw new Error('nothing was asked');
  say({ kind: 'status', id: asked.id + 1, status: { ...STATUS, silent: 'an answer to somebody else' } });
  say({ kind: 'status', id: asked.id, status: STATUS });
  assert.deepEqual(await status, STATUS);
  const unanswered = assert.rejects(l2.status(), /has not answered for 5 s/);
  await settle();
  await clock.advance(5000);
  await unanswered;
  ended.abort();
});

test('metrics are of what the thread last said, also when that changes while it is asked', async () => {
  const { l2, clock, ended, last, say } = await world();
  const sampleOf = (metric: string): number | undefined => {
    const found = l2.metrics().find(({ name }) => name === metric);
    return found?.type === 'histogram' ? undefined : [...(found?.samples ?? [])][0]?.value;
  };
  say({ kind: 'changed' });
  const asked = last('ask');
  if (asked?.kind !== 'ask') throw new Error('nothing was asked');
  say({ kind: 'changed' });
  say({ kind: 'status', id: asked.id, status: { ...STATUS, silent: 'it has just started' } });
  await settle();
  assert.equal(sampleOf('postern_l2_silent'), 1);
  await clock.advance(1000);
  say({ kind: 'status', id: asked.id + 1, status: STATUS });
  await settle();
  assert.equal(sampleOf('postern_l2_silent'), 0);
  assert.equal(sampleOf('postern_l2_elections_total'), 3);
  ended.abort();
});

test('without nftables nothing waits for rules', async () => {
  const { ended, last, say } = await world();
  say({ kind: 'takeover', address: A, from: 'n2', planned: true });
  assert.deepEqual(last('handover-ready'), { kind: 'handover-ready', address: A });
  ended.abort();
});

test('leaving is over when the thread has handed over, and takes this node’s lease back', async () => {
  const { api, l2, ended, last, say } = await world();
  await eventually(async () => (await api.list(Lease)).items.length === 1);
  let isOver = false;
  const leaving = l2.leave().then(() => {
    isOver = true;
  });
  await eventually(() => last('leave') !== undefined);
  await settle();
  assert.equal(isOver, false);
  say({ kind: 'left' });
  await leaving;
  assert.equal((await api.list(Lease)).items.length, 0);
  ended.abort();
});

test('a thread that never says that it has left is not waited for', async () => {
  const { l2, clock, ended } = await world();
  const leaving = l2.leave();
  for (let i = 0; i < 10; i++) {
    await settle();
    await clock.advance(1000);
  }
  await leaving;
  ended.abort();
});
