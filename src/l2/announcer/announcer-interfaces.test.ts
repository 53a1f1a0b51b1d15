import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../client/testing.ts';
import { A, ANSWER, MAC, SECOND, VERIFIED, World } from './testing/world.ts';

test('an interface that comes, changes its MAC, or comes up again is announced on', async () => {
  const world = new World();
  await world.announce(A, { interfaces: ['eth9'] });
  assert.deepEqual(world.interfaces(), []);
  world.addInterface('eth9', MAC);
  await settle();
  assert.deepEqual(world.sent('eth9'), VERIFIED);
  assert.deepEqual(world.interfaces(), ['eth9']);

  world.addInterface('eth9', '02:00:00:00:00:07');
  await settle();
  assert.deepEqual(world.sent('eth9'), VERIFIED);

  world.links.set('eth9', { up: false, carrier: false });
  await settle();
  assert.deepEqual(world.interfaces(), []);
  assert.equal(world.wire.open, 0);
  world.links.set('eth9', { up: true });
  await settle();
  assert.deepEqual(world.sent('eth9'), VERIFIED);
  world.links.set('eth9', { carrier: true });
  await settle();
  assert.deepEqual(world.sent('eth9'), VERIFIED);
  assert.deepEqual(world.interfaces(), ['eth9']);
  world.ended.abort();
});

test('neighbours are told again when the cable is back, and when a bond has failed over', async () => {
  const world = new World();
  await world.announce();
  await world.pass(10 * SECOND);
  world.sent();
  world.changed.splice(0);
  world.links.set('eth0', { carrier: false });
  assert.deepEqual(world.interfaces(), []);
  assert.equal(world.announcer.evidence().carrier, false);
  world.links.set('eth0', { carrier: true });
  await settle();
  assert.deepEqual(world.sent(), VERIFIED);
  assert.deepEqual(world.changed, [A, A]);
  await world.pass(10 * SECOND);
  world.sent();
  world.links.set('eth0', {}, true);
  await settle();
  assert.deepEqual(world.sent(), VERIFIED);
  world.ended.abort();
});

test('what is meant for a port of a bridge or bond goes to the bridge or bond', async () => {
  const world = new World();
  await world.announce();
  world.sent();
  world.addInterface('br0', '02:00:00:00:00:0b');
  world.links.set('br0', { kind: 'bridge' });
  world.links.set('eth0', { master: world.links.links.get('br0')?.index });
  await settle();
  assert.deepEqual(world.interfaces(), ['br0']);
  assert.deepEqual(world.sent('br0'), VERIFIED);
  assert.deepEqual(await world.whoHas(), []);

  world.links.set('eth0', { master: undefined });
  await settle();
  assert.deepEqual(world.interfaces(), ['eth0']);
  world.ended.abort();
});

test('a port of anything else, such as a VRF, is announced on itself', async () => {
  const world = new World();
  world.links.set('vrf0', { kind: 'vrf' });
  world.links.set('eth0', { master: world.links.links.get('vrf0')?.index });
  await world.announce();
  assert.deepEqual(world.interfaces(), ['eth0']);
  world.ended.abort();
});

test('this machine’s own addresses, and interfaces that are not allowed, are left alone', async () => {
  const world = new World();
  world.addInterface('eth1', '02:00:00:00:01:01');
  await world.announce('192.0.2.1');
  assert.deepEqual(world.sent(), []);
  world.announcer.setReach({ defaults: ['eth0'], allowed: ['eth0'], own: [] });
  await settle();
  assert.deepEqual(world.interfaces('192.0.2.1'), ['eth0']);
  await world.announce(A, { interfaces: ['eth0', 'eth1'] });
  assert.deepEqual(world.interfaces(), ['eth0']);
  // The address comes to the machine.
  world.announcer.setReach({ defaults: ['eth0'], allowed: ['eth0'], own: [A] });
  await settle();
  assert.deepEqual(await world.whoHas(), []);
  assert.deepEqual(world.interfaces(), []);
  world.ended.abort();
});

test('an interface that cannot be opened is tried again, and an answer waits for it', async () => {
  const world = new World();
  world.wire.removeInterface('eth0');
  await world.announce();
  assert.deepEqual(world.interfaces(), []);
  world.wire.addInterface('eth0', MAC);
  await world.pass(SECOND);
  assert.deepEqual(world.interfaces(), ['eth0']);
  assert.deepEqual(await world.whoHas(), ANSWER);
  world.ended.abort();
});
