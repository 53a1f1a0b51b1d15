import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import type { FromLan } from './messages.ts';
import { plan, settle } from './testing.ts';
import { LanThread, type Thread, type ToThread } from './thread.ts';

class FakeThread implements Thread {
  readonly posted: ToThread[] = [];
  readonly #exits: ((error: Error | undefined) => void)[] = [];
  say: (message: FromLan) => void = () => {};

  post(message: ToThread): void {
    this.posted.push(message);
  }
  onMessage(listener: (message: FromLan) => void): void {
    this.say = listener;
  }
  onExit(listener: (error: Error | undefined) => void): void {
    this.#exits.push(listener);
  }
  terminate(): void {
    this.exit(undefined);
  }
  exit(error: Error | undefined): void {
    for (const listener of this.#exits.splice(0)) listener(error);
  }
}

async function world() {
  const threads: FakeThread[] = [];
  const heard: FromLan[] = [];
  const clock = new FakeClock();
  const lan = new LanThread({
    ...{ nodeName: 'n1', interfaces: undefined, heartbeats: DEFAULT_HEARTBEATS, clock, log: silentLogger },
    startThread: () => {
      const thread = new FakeThread();
      threads.push(thread);
      return thread;
    },
  });
  lan.onMessage((message) => heard.push(message));
  const ended = new AbortController();
  await lan.start(ended.signal);
  const thread = (number: number): FakeThread => threads[number] ?? assert.fail(`no thread ${number}`);
  return { lan, threads, thread, heard, clock, ended };
}

const A = '192.0.2.100';
const status = { address: A, protocol: 'ARP', interfaces: ['eth0'], services: ['ns/web'], since: 0 } as const;

test('a thread that fails is started again and told everything that is still so', async () => {
  const { lan, thread, threads, clock, ended } = await world();
  lan.send({ kind: 'self', addresses: ['192.0.2.1'] });
  lan.send({ kind: 'plans', changed: [plan(A, 'n1'), plan('192.0.2.101', 'n1')], removed: [] });
  lan.send({ kind: 'plans', changed: [], removed: ['192.0.2.101'] });
  lan.send({ kind: 'api', reachable: false });
  lan.send({ kind: 'api', reachable: true });
  lan.send({ kind: 'synced' });
  lan.send({ kind: 'ask', id: 7 });
  thread(0).exit(new Error('out of memory'));
  lan.send({ kind: 'peers', peers: [] });
  await clock.advance(100);
  await settle();
  assert.equal(threads.length, 2);
  assert.deepEqual(thread(1).posted, [
    { kind: 'self', addresses: ['192.0.2.1'] },
    { kind: 'peers', peers: [] },
    { kind: 'api', reachable: true },
    { kind: 'plans', changed: [plan(A, 'n1')], removed: [] },
    { kind: 'synced' },
    { kind: 'ask', id: 7 },
  ]);
  ended.abort();
});

test('what a thread that fails had announced is told as withdrawn, and no handover goes on', async () => {
  const { heard, thread, ended } = await world();
  thread(0).say({ kind: 'takeover', address: A, from: 'n2', planned: true });
  thread(0).say({ kind: 'announcing', announced: status });
  const conflict = { address: '192.0.2.101', interface: 'eth0', mac: '02:00:00:00:00:99', since: 0 };
  thread(0).say({ kind: 'conflict', conflict, state: 'begun' });
  heard.length = 0;
  thread(0).exit(undefined);
  const why = 'the thread on the LAN has failed';
  assert.deepEqual(heard, [
    { kind: 'withdrawn', address: A, why },
    { kind: 'conflict', conflict, state: 'over' },
    { kind: 'handover-over', address: A, why },
  ]);
  ended.abort();
});

test('a thread that fails again and again is started ever more rarely', async () => {
  const { threads, clock, ended } = await world();
  for (let i = 0; i < 60_000; i += 50) {
    await clock.advance(50);
    threads.at(-1)?.exit(new Error('no memory'));
    await settle();
  }
  assert.ok(threads.length > 8 && threads.length < 15, `${threads.length} times`);
  ended.abort();
});

test('leaving without a thread is over at once; after the end none is started any more', async () => {
  const { lan, thread, threads, heard, clock, ended } = await world();
  thread(0).exit(new Error('no memory'));
  lan.send({ kind: 'leave' });
  await settle();
  assert.deepEqual(heard, [{ kind: 'left' }]);
  ended.abort();
  await clock.advance(60_000);
  await settle();
  assert.equal(threads.length, 1);
});

test('a thread ends in good order', async () => {
  const { thread, ended } = await world();
  ended.abort();
  assert.deepEqual(thread(0).posted.at(-1), { kind: 'stop' });
  thread(0).exit(undefined);
});
