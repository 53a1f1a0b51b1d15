import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { FakeLinks } from '../../host/link-watch-fake.ts';
import { silentLogger } from '../../host/log.ts';
import { FakeWire } from '../../host/packet-socket-fake.ts';
import { addIP, mustParseIP, printIP } from '../../lib/ip.ts';
import { parseMAC, printMAC } from '../../lib/mac.ts';
import { arp } from '../frames/arp/arp.ts';
import { ARP_REQUEST, decodeArp } from '../frames/arp/packet.ts';
import type { ConflictStatus } from '../lan/messages.ts';
import type { Claim, Claimant } from './announcement.ts';
import { Announcer } from './announcer.ts';
import { L2Stats } from './stats.ts';

const MAC = '02:00:00:00:00:01';
const STRANGER = '02:00:00:00:00:ee';
const A = '192.0.2.10';
const SECOND = 1000;

class World {
  readonly wire = new FakeWire();
  readonly clock = new FakeClock();
  readonly links = new FakeLinks();
  readonly stats = new L2Stats();
  readonly ended = new AbortController();
  readonly claims: Claim[] = [];
  readonly conflicts: (readonly [ConflictStatus, string])[] = [];
  readonly changed: string[] = [];
  readonly groups: string[] = [];
  claimant: Claimant = 'stranger';
  readonly announcer: Announcer;

  constructor() {
    this.announcer = new Announcer({
      links: this.links,
      clock: this.clock,
      log: silentLogger,
      stats: this.stats,
      openSocket: this.wire.openPacketSocket,
      openGroups: async () => ({
        join: (group) => void this.groups.push(`+${group}`),
        leave: (group) => void this.groups.push(`-${group}`),
        close: () => void this.groups.push('closed'),
      }),
      onClaim: (claim) => {
        this.claims.push(claim);
        return this.claimant;
      },
      onConflict: (conflict, state) => void this.conflicts.push([conflict, state]),
      onChange: (address) => void this.changed.push(address),
    });
    this.addInterface('eth0', MAC);
    this.announcer.start(this.ended.signal);
    this.announcer.setReach({ defaults: ['eth0'], allowed: undefined, own: ['192.0.2.1'] });
  }

  addInterface(name: string, mac: string): void {
    this.wire.addInterface(name, mac);
    this.links.set(name, { mac });
  }

  async announce(address = A, how: { readonly probe?: boolean; readonly interfaces?: readonly string[] } = {}) {
    const { probe = false, interfaces } = how;
    this.announcer.set(address, { ip: mustParseIP(address), interfaces, services: ['ns/web'] }, { probe });
    await settle();
  }

  /** In steps, so that what begins after one sleep can sleep again. */
  async pass(duration: number): Promise<void> {
    for (let left = duration; left > 0; left -= 50) {
      await this.clock.advance(Math.min(left, 50));
      await settle();
    }
  }

  /** What the node has sent since it was last asked, as `WHAT ADDRESS`. */
  sent(name = 'eth0'): readonly string[] {
    const all = this.wire.sent.splice(0).filter((each) => each.interface === name);
    return all.map(({ frame }) => {
      const packet = decodeArp(frame.subarray(14));
      if (packet === undefined) return 'NDP';
      const { operation, senderIP, targetIP, senderMAC } = packet;
      const target = printIP(targetIP);
      if (senderIP.value === 0n) return `probe ${target}`;
      if (senderIP.value !== targetIP.value) return `answer ${printIP(senderIP)} is at ${printMAC(senderMAC)}`;
      return `${operation === ARP_REQUEST ? 'request' : 'reply'} ${target}`;
    });
  }

  /** Another host says that it has an address. */
  async claim(mac = STRANGER, address = A): Promise<void> {
    const [frame = new Uint8Array()] = arp.announcement(mustParseIP(address), parseMAC(mac) ?? new Uint8Array());
    this.wire.inject(frame);
    await settle();
  }

  /** Another host asks who has an address; what it is told. */
  async whoHas(address = A): Promise<readonly string[]> {
    this.wire.sent.splice(0);
    const asker = parseMAC('02:00:00:00:00:99') ?? new Uint8Array();
    this.wire.inject(arp.question(mustParseIP(address), asker, mustParseIP('192.0.2.99')));
    await settle();
    return this.sent();
  }

  interfaces(address = A): readonly string[] | undefined {
    return this.announcer.get(address)?.interfaces;
  }
}

const ANNOUNCED = [`request ${A}`, `reply ${A}`];
/** In haste: it has not been asked yet whether anybody has the address. */
const VERIFIED = [...ANNOUNCED, `probe ${A}`];
const ANSWER = [`answer ${A} is at ${MAC}`];

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
