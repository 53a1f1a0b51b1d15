import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processorTime } from '../../../test/support/processor-time.ts';
import { FakeLan, plan, settle } from './testing.ts';

const A = '192.0.2.100';

test('the best candidate that lives announces, after it has asked whether somebody has the address', async () => {
  const world = new FakeLan(3);
  await world.start(plan(A, 'n2', 'n1', 'n3'));
  assert.deepEqual(world.announcers(A), ['n2']);
  assert.deepEqual(world.node('n2').announcing.done, [`probe ${A}`]);
  for (const { lan } of world.nodes.values()) assert.deepEqual(lan.status().elected, { [A]: 'n2' });
  world.ended.abort();
});

test('after a crash the next one takes over at once, without asking', async () => {
  const world = new FakeLan(3);
  await world.start(plan(A, 'n2', 'n1', 'n3'));
  world.cutOff.add('n2');
  world.allHeard({ n2: 'lost' });
  // Not one turn of the event loop later.
  assert.deepEqual(world.node('n1').announcing.done, [`announce ${A}`]);
  const takeovers = world.node('n1').told.filter(({ kind }) => kind === 'takeover');
  assert.deepEqual(takeovers, [{ kind: 'takeover', address: A, from: 'n2', planned: false }]);
  assert.equal(world.node('n1').lan.status().counts['failovers'], 1);
  assert.deepEqual(world.node('n3').announcing.done, []);
  world.ended.abort();
});

test('a planned move waits for the kernel, and the former announcer answers until it sees the claim', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const changed = [plan(A, 'n2', 'n1')];
  for (const { lan } of world.nodes.values()) lan.receive({ kind: 'plans', changed, removed: [] });
  await settle();
  assert.deepEqual(world.announcers(A), ['n1']);
  const { lan, told } = world.node('n2');
  assert.deepEqual(told.filter(({ kind }) => kind === 'takeover').at(-1), {
    ...{ kind: 'takeover', address: A, from: 'n1', planned: true },
  });
  lan.receive({ kind: 'handover-ready', address: A });
  await settle();
  assert.deepEqual(world.announcers(A), ['n2']);
  assert.deepEqual(world.node('n1').told.at(-1), { kind: 'withdrawn', address: A, why: 'node n2 announces it' });
  world.ended.abort();
});

test('where nobody says that the kernel is ready, a planned move goes on after half a second', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const changed = [plan(A, 'n2', 'n1')];
  for (const { lan } of world.nodes.values()) lan.receive({ kind: 'plans', changed, removed: [] });
  await settle();
  await world.clock.advance(499);
  await settle();
  assert.deepEqual(world.announcers(A), ['n1']);
  await world.clock.advance(1);
  await settle();
  assert.deepEqual(world.announcers(A), ['n2']);
  world.ended.abort();
});

test('an announcer that never sees its successor’s claim stops after two seconds', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  world.cutOff.add('n2');
  const changed = [plan(A, 'n2', 'n1')];
  for (const { lan } of world.nodes.values()) lan.receive({ kind: 'plans', changed, removed: [] });
  await settle();
  await world.clock.advance(1999);
  await settle();
  assert.deepEqual(world.announcers(A), ['n1', 'n2']);
  await world.clock.advance(1);
  await settle();
  assert.deepEqual(world.announcers(A), ['n2']);
  world.ended.abort();
});

test('who was about to hand an address over keeps it when the successor dies first', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const changed = [plan(A, 'n2', 'n1')];
  for (const { lan } of world.nodes.values()) lan.receive({ kind: 'plans', changed, removed: [] });
  await settle();
  world.node('n1').liveness.sees({ n2: 'lost' });
  await settle();
  assert.deepEqual(world.node('n1').announcing.done.slice(1), [`again ${A}`]);
  await world.clock.advance(10_000);
  await settle();
  assert.ok(world.announcers(A).includes('n1'));
  world.ended.abort();
});

test('who has to be silent withdraws at once, and takes over in good order when it may speak again', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const { liveness, announcing, told } = world.node('n1');
  liveness.sees({ n2: 'lost' }, 'it hears nobody');
  world.node('n2').liveness.sees({ n1: 'lost' });
  await settle();
  assert.deepEqual(world.announcers(A), ['n2']);
  assert.equal(announcing.done.at(-1), `withdraw ${A}`);
  world.allHeard();
  await settle();
  assert.deepEqual(told.filter(({ kind }) => kind === 'takeover').at(-1), {
    ...{ kind: 'takeover', address: A, from: 'n2', planned: true },
  });
  await world.clock.advance(500);
  await settle();
  assert.deepEqual(world.announcers(A), ['n1']);
  world.ended.abort();
});

test('nothing is announced twice while a node that leaves hands everything over, and then it says so', async () => {
  const world = new FakeLan(2);
  const plans = Array.from({ length: 50 }, (_, i) => plan(`192.0.2.${100 + i}`, 'n1', 'n2'));
  await world.start(...plans);
  const { lan, told } = world.node('n1');
  lan.receive({ kind: 'leave' });
  world.node('n2').liveness.sees({ n1: 'leaving' });
  await settle();
  for (const { address } of plans) assert.deepEqual(world.announcers(address), ['n1']);
  assert.notEqual(told.at(-1)?.kind, 'left');
  await world.clock.advance(500);
  await settle();
  for (const { address } of plans) assert.deepEqual(world.announcers(address), ['n2']);
  await world.clock.advance(10);
  await settle();
  assert.equal(told.at(-1)?.kind, 'left');
  world.ended.abort();
});

test('what is passed on to a former announcer ends when that dies, announces again, or has left for a minute', async () => {
  const world = new FakeLan(3);
  const ends = (node: string) => world.node(node).told.filter(({ kind }) => kind === 'handover-over');
  const move = async (...nodes: string[]) => {
    for (const { lan } of world.nodes.values())
      lan.receive({ kind: 'plans', changed: [plan(A, ...nodes)], removed: [] });
    await world.clock.advance(500);
    await settle();
  };
  await world.start(plan(A, 'n1', 'n2', 'n3'));
  await move('n2', 'n1', 'n3');
  assert.deepEqual(ends('n2'), []);
  await move('n1', 'n2', 'n3');
  // Clients have to follow first.
  assert.deepEqual(ends('n2'), []);
  await world.clock.advance(2500);
  await settle();
  assert.deepEqual(ends('n2'), [{ kind: 'handover-over', address: A, why: 'node n1 announces it again' }]);
  world.allHeard({ n2: 'lost' });
  await settle();
  assert.deepEqual(ends('n1'), [{ kind: 'handover-over', address: A, why: 'node n2 is lost' }]);

  world.allHeard({ n2: 'lost' });
  await move('n3', 'n1');
  world.allHeard({ n1: 'leaving' });
  world.allHeard({ n1: 'lost' });
  await world.clock.advance(59_000);
  await settle();
  assert.deepEqual(ends('n3'), []);
  await world.clock.advance(2000);
  await settle();
  assert.deepEqual(ends('n3'), [{ kind: 'handover-over', address: A, why: 'node n1 has left' }]);
  world.ended.abort();
});

test('an address that moves back and forth is passed on until clients have followed the last move', async () => {
  const world = new FakeLan(2);
  const ends = () => world.node('n2').told.filter(({ kind }) => kind === 'handover-over').length;
  const move = async (...nodes: string[]) => {
    for (const { lan } of world.nodes.values())
      lan.receive({ kind: 'plans', changed: [plan(A, ...nodes)], removed: [] });
    await world.clock.advance(1000);
    await settle();
  };
  await world.start(plan(A, 'n1', 'n2'));
  await move('n2', 'n1');
  await move('n1', 'n2');
  await move('n2', 'n1');
  await move('n1', 'n2');
  // Three seconds after the first move back, and one after the last.
  await world.clock.advance(500);
  await settle();
  assert.equal(ends(), 0);
  await world.clock.advance(1500);
  await settle();
  assert.equal(ends(), 1);
  world.ended.abort();
});

test('without heartbeats, a lease that is taken back says that its node leaves in good order', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const { lan, liveness, told } = world.node('n2');
  const peer = { name: 'n1', addresses: ['192.0.2.1'], port: undefined, hears: [], onLan: true };
  const takeover = () => told.findLast(({ kind }) => kind === 'takeover');
  lan.receive({ kind: 'peers', peers: [{ ...peer, lease: 'fresh' }] });
  liveness.sees({ n1: 'leased' });
  lan.receive({ kind: 'peers', peers: [{ ...peer, lease: 'none' }] });
  liveness.sees({ n1: 'lost' });
  assert.deepEqual(takeover(), { kind: 'takeover', address: A, from: 'n1', planned: true });
  await world.clock.advance(500);
  await settle();
  assert.ok(world.announcers(A).includes('n2'));

  liveness.sees({ n1: 'leased' });
  await world.clock.advance(5000);
  await settle();
  lan.receive({ kind: 'peers', peers: [{ ...peer, lease: 'stale' }] });
  liveness.sees({ n1: 'lost' });
  assert.deepEqual(takeover(), { kind: 'takeover', address: A, from: 'n1', planned: false });
  world.ended.abort();
});

test('an address that no Service has any more is withdrawn and forgotten', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const { lan, told } = world.node('n1');
  lan.receive({ kind: 'plans', changed: [], removed: [A] });
  await settle();
  assert.deepEqual(told.at(-1), { kind: 'withdrawn', address: A, why: 'no Service has the address any more' });
  assert.deepEqual(lan.status().elected, {});
  assert.deepEqual(lan.status().announcing, []);
  world.ended.abort();
});

test('a node is not elected before it knows everything there is to announce', async () => {
  const world = new FakeLan(1);
  const { lan, liveness } = world.node('n1');
  assert.equal(liveness.withheld, 'it does not know yet what there is to announce');
  lan.receive({ kind: 'synced' });
  assert.equal(liveness.withheld, undefined);
});

test('ten thousand addresses are taken over without holding up the event loop', async () => {
  const world = new FakeLan(2);
  const plans = Array.from({ length: 10_000 }, (_, i) => plan(`10.0.${i >> 8}.${i & 255}`, 'n1', 'n2'));
  await world.start(...plans);
  const { liveness, announcing } = world.node('n2');
  let longest = 0;
  let last = processorTime();
  let isOver = false;
  const turns = (async () => {
    while (!isOver) {
      await new Promise(setImmediate);
      longest = Math.max(longest, processorTime() - last);
      last = processorTime();
    }
  })();
  await settle();
  longest = 0;
  world.cutOff.add('n1');
  liveness.sees({ n1: 'lost' });
  while (announcing.done.length < plans.length) await new Promise(setImmediate);
  isOver = true;
  await turns;
  assert.ok(longest < 100, `a turn took ${longest} ms`);
  world.ended.abort();
});
