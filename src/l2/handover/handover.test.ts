import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { MemoryNetfilter } from '../../netfilter/memory.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import type { FromLan, LanPort, ToLan } from '../lan/messages.ts';
import { cleanupHandover, Handover } from './handover.ts';

const INTERNAL_IPS: Readonly<Record<string, readonly string[]>> = {
  n1: ['192.168.77.1', 'fd77::1'],
  n2: ['192.168.77.2'],
};
const A = '192.168.77.100';

class World implements LanPort {
  readonly kernel = new MemoryNetfilter();
  readonly clock = new FakeClock();
  readonly ended = new AbortController();
  readonly sent: ToLan[] = [];
  #listener: (message: FromLan) => void = () => {};

  constructor(netfilter: Netfilter | undefined = undefined, isMissing = false) {
    const handover = new Handover({
      ...{ netfilter: isMissing ? undefined : (netfilter ?? this.kernel), lan: this, clock: this.clock },
      ...{ addressesOf: (node) => INTERNAL_IPS[node] ?? [], log: silentLogger },
    });
    handover.start(this.ended.signal);
  }

  send(message: ToLan): void {
    this.sent.push(message);
  }

  onMessage(listener: (message: FromLan) => void): void {
    this.#listener = listener;
  }

  async takeOver(address: string, from: string, planned = true): Promise<void> {
    this.#listener({ kind: 'takeover', address, from, planned });
    await settle();
  }

  async over(address: string): Promise<void> {
    this.#listener({ kind: 'handover-over', address, why: 'it is lost' });
    await settle();
  }

  /** `address > former` for every entry. */
  get entries(): readonly string[] {
    return this.kernel.tables().flatMap(({ sets }) => {
      return [...(sets.get('former')?.values() ?? [])].map(({ key, value }) => `${key} > ${value}`);
    });
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
};
const ready = (address: string): ToLan => ({ kind: 'handover-ready', address });

test('what belongs to the former announcer’s connections is passed on to its address of the same family', async () => {
  const world = new World();
  await world.takeOver(A, 'n1');
  await world.takeOver('fd77::100', 'n1');
  assert.deepEqual(world.entries, [`${A} > 192.168.77.1`, 'fd77::100 > fd77::1']);
  assert.deepEqual(world.sent, [ready(A), ready('fd77::100')]);
  await world.over(A);
  assert.deepEqual(world.entries, ['fd77::100 > fd77::1']);
  world.ended.abort();
});

test('an address that moves on is passed on to its latest announcer', async () => {
  const world = new World();
  await world.takeOver(A, 'n1');
  await world.takeOver(A, 'n2');
  assert.deepEqual(world.entries, [`${A} > 192.168.77.2`]);
  world.ended.abort();
});

test('nothing waits for rules where there can be none', async () => {
  const world = new World();
  await world.takeOver('fd77::100', 'n2');
  assert.deepEqual(world.entries, []);
  await world.takeOver(A, 'n9');
  assert.deepEqual(world.sent, [ready('fd77::100'), ready(A)]);
  const without = new World(undefined, true);
  await without.takeOver(A, 'n1');
  assert.deepEqual(without.sent, [ready(A)]);
  for (const { ended } of [world, without]) ended.abort();
});

test('a failover needs no rules: there is nobody to pass anything on to', async () => {
  const world = new World();
  await world.takeOver(A, 'n1', false);
  assert.deepEqual([world.entries, world.sent], [[], []]);
  world.ended.abort();
});

test('a kernel that refuses is not asked again, and nobody waits for it', async () => {
  let asked = 0;
  const kernel = new MemoryNetfilter();
  const world = new World({
    ...{ inspect: (name) => kernel.inspect(name), elements: kernel.elements, counters: kernel.counters },
    apply: async () => {
      asked++;
      throw new Error('Operation not supported');
    },
  });
  await settle();
  await world.takeOver(A, 'n1');
  await world.takeOver(A, 'n2');
  assert.equal(asked, 1);
  assert.deepEqual(world.sent, [ready(A), ready(A)]);
  world.ended.abort();
});

test('a thousand addresses that move at once are a few transactions', async () => {
  const world = new World();
  await settle();
  const before = world.kernel.applied.length;
  const addresses = Array.from({ length: 1000 }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
  await Promise.all(addresses.map((address) => world.takeOver(address, 'n1')));
  await settle();
  assert.equal(world.entries.length, 1000);
  assert.equal(world.sent.length, 1000);
  assert.ok(world.kernel.applied.length - before < 20);
  world.ended.abort();
});

test('entries are renewed before the kernel ends them, and loaded anew where somebody has flushed them', async () => {
  const world = new World();
  await world.takeOver(A, 'n1');
  await settle();
  const before = world.kernel.applied.length;
  await world.clock.advance(200_000);
  await settle();
  assert.deepEqual(
    world.kernel.applied.slice(before).flatMap((transaction) => transaction.map(({ kind }) => kind)),
    ['delete-element', 'add-element'],
  );
  await cleanupHandover(world.kernel);
  assert.deepEqual(world.entries, []);
  await world.clock.advance(200_000);
  await settle();
  assert.deepEqual(world.entries, [`${A} > 192.168.77.1`]);
  world.ended.abort();
});

test('once it has ended nothing is put into the kernel any more', async () => {
  const world = new World();
  await world.takeOver(A, 'n1');
  world.ended.abort();
  await cleanupHandover(world.kernel);
  await world.over(A);
  await world.takeOver('192.168.77.101', 'n1');
  assert.equal(world.kernel.tables().length, 0);
});

test('what an earlier run left is taken away at the start, and all of ours by a clean-up', async () => {
  const world = new World();
  await world.takeOver(A, 'n1');
  const next = new Handover({
    ...{ netfilter: world.kernel, lan: world, clock: world.clock, addressesOf: () => [], log: silentLogger },
  });
  next.start(world.ended.signal);
  await settle();
  assert.deepEqual(world.entries, []);
  assert.equal(world.kernel.tables().length, 2);
  await cleanupHandover(world.kernel);
  assert.equal(world.kernel.tables().length, 0);
  world.ended.abort();
});
