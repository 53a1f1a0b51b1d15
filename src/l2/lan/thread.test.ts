import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import type { FromLan, ToLan } from './messages.ts';
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

/** With a thread, or before there is anything that one is needed for. */
async function world({ isNeeded = true } = {}) {
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
  if (isNeeded) lan.send({ kind: 'plans', changed: [plan(A, 'n1')], removed: [] });
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

const alone: readonly ToLan[] = [
  { kind: 'self', addresses: ['192.0.2.1'] },
  { kind: 'keys', keys: [] },
  { kind: 'api', reachable: true },
  { kind: 'plans', changed: [], removed: [] },
  { kind: 'peers', peers: [] },
  { kind: 'synced' },
];

test('a node that is alone and has no address needs no thread, and what is asked of it is answered', async () => {
  const { lan, threads, heard, ended } = await world({ isNeeded: false });
  for (const message of alone) lan.send(message);
  lan.send({ kind: 'ask', id: 3 });
  lan.send({ kind: 'leave' });
  await settle();
  assert.equal(threads.length, 0);
  assert.deepEqual(heard, [
    { kind: 'peers', peers: [], hears: [], onLan: true, macs: [] },
    {
      kind: 'status',
      id: 3,
      status: { announcing: [], conflicts: [], peers: [], elected: {}, silent: undefined, counts: {} },
    },
    { kind: 'left' },
  ]);
  ended.abort();
});

test('the first address, and the first other node, start the thread, which is told all; then it stays', async () => {
  const peer = { name: 'n2', addresses: ['192.0.2.2'], port: 1, lease: 'fresh', hears: [], onLan: true } as const;
  const firsts: readonly ToLan[] = [
    { kind: 'plans', changed: [plan(A, 'n1')], removed: [] },
    { kind: 'peers', peers: [peer] },
  ];
  for (const first of firsts) {
    const { lan, thread, threads, ended } = await world({ isNeeded: false });
    for (const message of alone) lan.send(message);
    lan.send(first);
    assert.deepEqual(new Set(thread(0).posted.map(({ kind }) => kind)), new Set(alone.map(({ kind }) => kind)));
    assert.ok(thread(0).posted.some((message) => isDeepStrictEqual(message, first)));
    lan.send({ kind: 'plans', changed: [], removed: [A] });
    lan.send({ kind: 'peers', peers: [] });
    lan.send({ kind: 'ask', id: 1 });
    assert.deepEqual(thread(0).posted.at(-1), { kind: 'ask', id: 1 });
    assert.equal(threads.length, 1);
    ended.abort();
  }
});

test('what is needed before the start is done once it has come, and not after the end', async () => {
  const threads: FakeThread[] = [];
  const startThread = () => {
    const thread = new FakeThread();
    threads.push(thread);
    return thread;
  };
  const parts = { nodeName: 'n1', interfaces: undefined, heartbeats: DEFAULT_HEARTBEATS, log: silentLogger };
  const lan = new LanThread({ ...parts, clock: new FakeClock(), startThread });
  lan.send({ kind: 'plans', changed: [plan(A, 'n1')], removed: [] });
  assert.equal(threads.length, 0);
  const ended = new AbortController();
  await lan.start(ended.signal);
  assert.equal(threads.length, 1);
  const late = await world({ isNeeded: false });
  late.ended.abort();
  late.lan.send({ kind: 'plans', changed: [plan(A, 'n1')], removed: [] });
  assert.equal(late.threads.length, 0);
  ended.abort();
});
