import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../client/testing.ts';
import { addIP, mustParseIP, printIP } from '../../lib/ip.ts';
import { A, ANNOUNCED, ANSWER, MAC, SECOND, STRANGER, VERIFIED, World } from './testing/world.ts';

test('an address is answered for at once, and told of in both forms again and again', async () => {
  const world = new World();
  await world.announce();
  assert.deepEqual(world.sent(), VERIFIED);
  assert.deepEqual(await world.whoHas(), ANSWER);
  await world.pass(200);
  assert.deepEqual(world.sent(), VERIFIED);
  await world.pass(60 * SECOND);
  assert.deepEqual(world.sent(), [ANNOUNCED, ANNOUNCED, ANNOUNCED].flat());
  assert.deepEqual(world.interfaces(), ['eth0']);
  const { answered, told } = world.announcer.get(A) ?? {};
  assert.deepEqual([answered, told], [1, 10]);
  world.ended.abort();
});

test('what is asked first is asked three times, and neither told nor answered before', async () => {
  const world = new World();
  await world.announce(A, { probe: true });
  assert.deepEqual(world.interfaces(), []);
  assert.deepEqual(world.sent(), [`probe ${A}`]);
  assert.deepEqual(await world.whoHas(), []);
  await world.pass(250);
  assert.deepEqual(world.sent(), [`probe ${A}`, `probe ${A}`]);
  await world.pass(50);
  assert.deepEqual(world.sent(), ANNOUNCED);
  assert.deepEqual(await world.whoHas(), ANSWER);
  assert.deepEqual(world.interfaces(), ['eth0']);
  assert.deepEqual(world.changed, [A]);
  world.ended.abort();
});

test('a thousand addresses are told of in portions, within a quarter of a second, and answered for meanwhile', async () => {
  const world = new World();
  const first = mustParseIP('10.0.0.0');
  const addresses = Array.from({ length: 1000 }, (_, i) => printIP(addIP(first, i)));
  for (const address of addresses) {
    world.announcer.set(address, { ip: mustParseIP(address), interfaces: undefined, services: [] });
  }
  await settle();
  const told = new Set(world.sent());
  assert.equal(told.size, 24);
  assert.deepEqual(await world.whoHas('10.0.3.231'), [`answer 10.0.3.231 is at ${MAC}`]);
  for (let passed = 0; passed < 250; passed += 2) {
    await world.clock.advance(2);
    await settle();
    const sent = world.sent();
    assert.ok(sent.length <= 24, `${sent.length} frames in 2 ms`);
    for (const each of sent) told.add(each);
  }
  assert.equal(told.size, 3 * 1000);
  assert.equal(world.announcer.list().filter(({ interfaces }) => interfaces.length === 1).length, 1000);
  world.ended.abort();
});

test('the groups in which an IPv6 address is asked for are joined and left', async () => {
  const world = new World();
  await world.announce('2001:db8::1:2');
  assert.deepEqual(world.groups, ['+ff02::1:ff01:2']);
  assert.deepEqual(world.sent(), ['NDP', 'NDP']);
  await world.announce('2001:db8::9');
  world.announcer.set('2001:db8::1:2', undefined);
  assert.deepEqual(world.groups.slice(1), ['+ff02::1:ff00:9', '-ff02::1:ff01:2']);
  world.announcer.set('2001:db8::9', undefined);
  await settle();
  assert.equal(world.groups.at(-1), 'closed');
  assert.equal(world.wire.open, 0);
  world.ended.abort();
});

test('who asks whether anybody is there hears the first frame of another host, and not its own', async () => {
  const world = new World();
  world.links.set('eth0', { addresses: ['192.0.2.1'] });
  const silence = world.announcer.ask(['192.0.2.254'], 300);
  await world.pass(350);
  assert.equal(await silence, false);
  assert.deepEqual(world.sent(), Array(3).fill('answer 192.0.2.1 is at 02:00:00:00:00:01'));
  const heard = world.announcer.ask(['192.0.2.254', '2001:db8::fe'], 300);
  await settle();
  await world.claim(STRANGER, '192.0.2.77');
  assert.equal(await heard, true);
  assert.equal(world.announcer.evidence().foreignFrames, 1);
  await settle();
  assert.equal(world.wire.open, 0);
  world.ended.abort();
});

test('everything ends with the signal', async () => {
  const world = new World();
  await world.announce();
  await world.announce('2001:db8::1');
  await world.announce('192.0.2.11', { probe: true });
  assert.equal(world.wire.open, 2);
  world.ended.abort();
  await settle();
  world.sent();
  await world.pass(30 * SECOND);
  assert.deepEqual(world.sent(), []);
  assert.equal(world.wire.open, 0);
  assert.deepEqual(world.announcer.list(), []);
});
