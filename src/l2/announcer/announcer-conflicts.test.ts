import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../client/testing.ts';
import { A, ANNOUNCED, ANSWER, SECOND, STRANGER, VERIFIED, World } from './testing/world.ts';

test('an address that a stranger holds is not announced until the stranger is gone', async () => {
  const world = new World();
  await world.announce(A, { probe: true });
  await world.claim();
  const conflict = { address: A, interface: 'eth0', mac: STRANGER, since: 0 };
  assert.deepEqual(world.conflicts, [[conflict, 'begun']]);
  world.sent();
  await world.pass(10 * SECOND);
  assert.deepEqual(world.sent(), [`probe ${A}`]);
  await world.claim();
  await world.pass(10 * SECOND);
  assert.deepEqual(world.sent(), [`probe ${A}`, `probe ${A}`]);
  assert.deepEqual(await world.whoHas(), []);
  assert.equal(world.conflicts.length, 1);
  await world.pass(SECOND);
  assert.deepEqual(world.interfaces(), ['eth0']);
  assert.deepEqual(await world.whoHas(), ANSWER);
  assert.deepEqual(
    world.conflicts.map(([{ mac }, state]) => [mac, state]),
    [
      [STRANGER, 'begun'],
      [STRANGER, 'over'],
    ],
  );
  world.ended.abort();
});

test('a stranger is told once, and has its way the second time within ten seconds', async () => {
  const world = new World();
  await world.announce();
  await world.pass(20 * SECOND);
  world.sent();
  await world.claim();
  assert.deepEqual(world.sent(), ANNOUNCED);
  assert.deepEqual(await world.whoHas(), ANSWER);
  await world.pass(9 * SECOND);
  await world.claim();
  assert.deepEqual(world.sent(), []);
  assert.deepEqual(await world.whoHas(), []);
  assert.deepEqual(world.interfaces(), []);
  assert.deepEqual(
    world.conflicts.map(([, state]) => state),
    ['begun'],
  );
  const { 'ARP claim': claims, 'ARP defence': defences, 'ARP conflict': conflicts } = world.stats.counts();
  assert.deepEqual([claims, defences, conflicts], [2, 1, 1]);
  world.ended.abort();
});

test('an address that was taken over in haste is given up when a host has it that speaks only when asked', async () => {
  const world = new World();
  await world.announce();
  for (let passed = 0; passed < 300; passed += 50) {
    if (world.sent().includes(`probe ${A}`)) await world.claim();
    await world.pass(50);
  }
  assert.deepEqual(
    world.conflicts.map(([{ mac }, state]) => [mac, state]),
    [[STRANGER, 'begun']],
  );
  assert.deepEqual(await world.whoHas(), []);
  world.ended.abort();
});

test('a stranger that claims seldom is told each time', async () => {
  const world = new World();
  await world.announce();
  await world.pass(20 * SECOND);
  for (let i = 0; i < 3; i++) {
    world.sent();
    await world.claim();
    assert.deepEqual(world.sent(), ANNOUNCED);
    await world.pass(11 * SECOND);
  }
  assert.deepEqual(world.conflicts, []);
  world.ended.abort();
});

test('a conflict is over when the address is withdrawn', async () => {
  const world = new World();
  await world.announce(A, { probe: true });
  await world.claim();
  world.announcer.set(A, undefined);
  assert.deepEqual(
    world.conflicts.map(([, state]) => state),
    ['begun', 'over'],
  );
  await world.pass(60 * SECOND);
  assert.equal(world.sent().length, 1);
  world.ended.abort();
});

test('what a node of the cluster claims is told, and left to whoever elects', async () => {
  const world = new World();
  await world.announce();
  world.claimant = 'node';
  world.sent();
  for (let i = 0; i < 5; i++) await world.claim('02:00:00:00:00:02');
  assert.deepEqual(world.claims[0], { address: A, mac: '02:00:00:00:00:02', interface: 'eth0' });
  assert.equal(world.claims.length, 5);
  assert.deepEqual(world.sent(), []);
  assert.deepEqual(await world.whoHas(), ANSWER);
  world.announcer.reannounce(A);
  await settle();
  assert.deepEqual(world.sent(), VERIFIED);
  world.ended.abort();
});

test('two interfaces of this machine on one LAN do not fight each other', async () => {
  const world = new World();
  world.addInterface('eth1', '02:00:00:00:01:01');
  await world.announce(A, { interfaces: ['eth0', 'eth1'] });
  await world.pass(10 * SECOND);
  assert.deepEqual(world.claims, []);
  assert.equal(world.announcer.evidence().foreignFrames, 0);
  assert.deepEqual(world.interfaces(), ['eth0', 'eth1']);
  world.ended.abort();
});
