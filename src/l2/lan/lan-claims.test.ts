import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeLan, plan, settle } from './testing.ts';

const A = '192.0.2.100';

test('when a lost node comes back, every address is claimed again twice', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'), plan('fd00::100', 'n1', 'n2'));
  const { announcing, liveness } = world.node('n1');
  liveness.sees({ n2: 'lost' });
  liveness.sees({ n2: 'heard' });
  const from = announcing.done.length;
  await world.clock.advance(149);
  await settle();
  assert.deepEqual(announcing.done.slice(from), []);
  await world.clock.advance(1);
  await settle();
  assert.deepEqual(announcing.done.slice(from), [`again ${A}`, 'again fd00::100']);
  await world.clock.advance(10_000);
  await settle();
  assert.equal(announcing.done.length - from, 4);
  world.ended.abort();
});

test('a claim by a node that is not elected is answered with ours, once a second; a stranger’s is not ours to judge', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const { announcing } = world.node('n1');
  const from = announcing.done.length;
  for (let i = 0; i < 5; i++) assert.equal(world.claim(A, '02:00:00:00:00:02')['n1'], 'node');
  assert.deepEqual(announcing.done.slice(from), []);
  await world.clock.advance(1000);
  await settle();
  assert.deepEqual(announcing.done.slice(from), [`again ${A}`]);
  await world.clock.advance(150);
  world.claim(A, '02:00:00:00:00:02');
  await world.clock.advance(150);
  await settle();
  assert.equal(announcing.done.length - from, 2);
  assert.equal(world.claim(A, '02:00:00:00:00:99')['n1'], 'stranger');
  assert.equal(announcing.done.length - from, 2);
  world.ended.abort();
});

test('a node that answers while the address is asked for is whom it is taken over from', async () => {
  const world = new FakeLan(2);
  const { lan, liveness, announcing, told } = world.node('n1');
  lan.start(world.ended.signal);
  liveness.sees({ n2: 'heard' });
  lan.receive({ kind: 'plans', changed: [plan(A, 'n1', 'n2')], removed: [] });
  await settle();
  assert.deepEqual(announcing.done, [`probe ${A}`]);
  assert.equal(told.filter(({ kind }) => kind === 'announcing').length, 0);
  for (let i = 0; i < 3; i++) {
    announcing.events.onClaim({ address: A, mac: '02:00:00:00:00:02', interface: 'eth0' });
  }
  assert.deepEqual(
    told.filter(({ kind }) => kind === 'takeover'),
    [{ kind: 'takeover', address: A, from: 'n2', planned: true }],
  );
  announcing.probed(A);
  assert.equal(told.filter(({ kind }) => kind === 'announcing').length, 1);
  world.ended.abort();
});

test('where heartbeats do not get through, leases tell a node’s claims from strangers’', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const mac = '02:00:00:00:01:02';
  assert.equal(world.claim(A, mac)['n1'], 'stranger');
  const facts = { addresses: ['192.0.2.2'], port: undefined, lease: 'fresh', hears: [], onLan: true } as const;
  world.node('n1').lan.receive({ kind: 'peers', peers: [{ name: 'n2', macs: [mac], ...facts }] });
  assert.equal(world.claim(A, mac)['n1'], 'node');
  const told = world.node('n1').told.findLast(({ kind }) => kind === 'peers');
  assert.deepEqual(told?.kind === 'peers' && told.macs, []);
  world.node('n1').lan.receive({ kind: 'self', addresses: ['192.0.2.1'] });
  const then = world.node('n1').told.findLast(({ kind }) => kind === 'peers');
  assert.deepEqual(then?.kind === 'peers' && then.macs, ['02:00:00:00:00:01']);
  world.ended.abort();
});

test('an address that another node has for itself is left to it', async () => {
  const world = new FakeLan(2);
  await world.start();
  const { lan, announcing } = world.node('n1');
  const facts = { port: undefined, lease: 'fresh', hears: [], onLan: true } as const;
  lan.receive({ kind: 'peers', peers: [{ name: 'n2', addresses: ['192.0.2.2', '2001:db8::2'], ...facts }] });
  for (const address of ['192.0.2.2', '2001:db8::2']) assert.ok(announcing.own.includes(address));
  world.ended.abort();
});

test('a stranger that turns out to be a node is no conflict: the election says whose the address is', async () => {
  const world = new FakeLan(2);
  await world.start(plan(A, 'n1', 'n2'));
  const { announcing, liveness, told } = world.node('n1');
  const mac = '02:00:00:00:01:02';
  const conflict = { address: A, interface: 'eth0', mac, since: 0 };
  announcing.events.onConflict(conflict, 'begun');
  liveness.sees({ n2: 'heard' });
  assert.equal(announcing.done.at(-1), `probe ${A}`, 'nothing says so yet');
  liveness.macs.set(mac, 'n2');
  liveness.sees({ n2: 'heard' });
  assert.deepEqual(announcing.done.slice(-2), [`withdraw ${A}`, `announce ${A}`]);
  assert.deepEqual(
    told.filter(({ kind }) => kind === 'takeover'),
    [{ kind: 'takeover', address: A, from: 'n2', planned: true }],
  );
  world.ended.abort();
});
