import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event } from '../api/core/v1/event.ts';
import { Service } from '../api/core/v1/service.ts';
import { type FakeClient, fakeClient } from '../client/fake.ts';
import { eventually, settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { FakeLinks } from '../host/link-watch-fake.ts';
import { silentLogger } from '../host/log.ts';
import { FakeWire } from '../host/packet-socket-fake.ts';
import { printIP } from '../lib/ip.ts';
import { printMAC } from '../lib/mac.ts';
import { decodeArp } from './frames/arp/packet.ts';
import { BROADCAST, encodeEthernet } from './frames/ethernet.ts';
import { type L2, startL2 } from './l2.ts';
import { advertisement, node, pool, service, slice } from './testing.ts';

const MACS = { n1: '02:00:00:00:00:01', n2: '02:00:00:00:00:02' } as const;
type NodeName = keyof typeof MACS;

/** A cluster of two nodes on one wire. */
class World {
  readonly wire = new FakeWire();
  readonly clock = new FakeClock();
  readonly api: FakeClient;
  readonly ended = new AbortController();
  readonly links: Readonly<Record<NodeName, FakeLinks>> = { n1: new FakeLinks(), n2: new FakeLinks() };

  constructor(services: readonly Service[] = [service('web', ['192.0.2.10'])]) {
    this.api = fakeClient([
      node('n1', { internalIPs: ['192.0.2.1'] }),
      node('n2', { internalIPs: ['192.0.2.2'] }),
      pool('lan', ['192.0.2.0/24']),
      advertisement('lan'),
      ...services,
      slice('web', '10.244.1.5', ['n1', 'n2']),
    ]);
    for (const [i, name] of (['n1', 'n2'] as const).entries()) {
      this.wire.addInterface(`${name}-eth0`, MACS[name]);
      this.links[name].set(`${name}-eth0`, { mac: MACS[name], addresses: [`192.0.2.${i + 1}`] });
    }
  }

  async start(nodeName: NodeName): Promise<L2> {
    const host = {
      openSocket: this.wire.openPacketSocket,
      openGroups: async () => ({ join() {}, leave() {}, close() {} }),
      openLinks: async () => this.links[nodeName],
    };
    const l2 = await startL2(
      { client: this.api, nodeName, log: silentLogger, clock: this.clock, host },
      this.ended.signal,
    );
    await l2.synced;
    await settle();
    return l2;
  }

  /** MACs that answer a who-has. */
  async whoHas(address: string): Promise<string[]> {
    const senderMAC = Uint8Array.of(2, 0, 0, 0, 0, 9);
    const before = this.wire.sent.length;
    const payload = Uint8Array.from([
      ...[0, 1, 8, 0, 6, 4, 0, 1],
      ...[...senderMAC, 192, 0, 2, 9, 0, 0, 0, 0, 0, 0],
      ...address.split('.').map(Number),
    ]);
    this.wire.inject(encodeEthernet({ destination: BROADCAST, source: senderMAC, etherType: 0x0806, payload }));
    await settle();
    return this.arpSent(before)
      .filter(({ operation }) => operation === 2)
      .map(({ mac }) => mac);
  }

  arpSent(from = 0) {
    return this.wire.sent.slice(from).map(({ frame }) => {
      const packet = decodeArp(frame.subarray(14));
      assert.ok(packet);
      return { operation: packet.operation, ip: printIP(packet.senderIP), mac: printMAC(packet.senderMAC) };
    });
  }
}

/** What is sent once for 192.0.2.10 to say where it is. */
const announcement = (mac: string) => [1, 2].map((operation) => ({ operation, ip: '192.0.2.10', mac }));

test('of two nodes exactly one answers, and the other takes over when it is no longer ready', async () => {
  const world = new World();
  const all = { n1: await world.start('n1'), n2: await world.start('n2') };
  const [first = ''] = await world.whoHas('192.0.2.10');
  assert.deepEqual(await world.whoHas('192.0.2.10'), [first]);
  const elected: NodeName = first === MACS.n1 ? 'n1' : 'n2';
  const other: NodeName = elected === 'n1' ? 'n2' : 'n1';

  const before = world.wire.sent.length;
  world.api.seed(node(elected, { internalIPs: [elected === 'n1' ? '192.0.2.1' : '192.0.2.2'], ready: 'Unknown' }));
  await eventually(() => all[other].announcing().length === 1 && all[elected].announcing().length === 0);
  await settle();
  assert.deepEqual(world.arpSent(before), announcement(MACS[other]));
  assert.deepEqual(await world.whoHas('192.0.2.10'), [MACS[other]]);
  world.ended.abort();
});

test('a new address is announced five times, and not again after it is withdrawn', async () => {
  const world = new World();
  world.api.remove(Service, { namespace: 'ns', name: 'web' });
  const all = [await world.start('n1'), await world.start('n2')];
  world.api.seed(service('web', ['192.0.2.10']));
  await eventually(() => world.wire.sent.length === 2);
  for (let i = 0; i < 20; i++) {
    await world.clock.advance(1100);
    await settle();
  }
  assert.equal(world.wire.sent.length, 10);

  world.api.seed(service('web', ['192.0.2.11']));
  await eventually(() => world.arpSent(10).some(({ ip }) => ip === '192.0.2.11'));
  const before = world.wire.sent.length;
  world.api.remove(Service, { namespace: 'ns', name: 'web' });
  await eventually(() => all.every((l2) => l2.announcing().length === 0));
  await world.clock.advance(60_000);
  await settle();
  assert.equal(world.wire.sent.length, before);
  assert.equal(world.wire.open, 0);
  world.ended.abort();
});

test('an address of the machine itself is never answered for', async () => {
  const world = new World([service('web', ['192.0.2.1', '192.0.2.2'])]);
  await world.start('n1');
  await world.start('n2');
  // Each node leaves its own address to its kernel; whoever was elected for the other's may announce it.
  assert.ok(!(await world.whoHas('192.0.2.1')).includes(MACS.n1));
  assert.ok(!(await world.whoHas('192.0.2.2')).includes(MACS.n2));
  world.ended.abort();
});

test('an interface that comes back is announced on anew', async () => {
  const world = new World();
  const all = { n1: await world.start('n1'), n2: await world.start('n2') };
  const [mac = ''] = await world.whoHas('192.0.2.10');
  const name = mac === MACS.n1 ? 'n1' : 'n2';
  world.links[name].remove(`${name}-eth0`);
  await settle();
  assert.deepEqual(await world.whoHas('192.0.2.10'), []);
  assert.deepEqual(all[name].announcing()[0]?.interfaces, []);
  const before = world.wire.sent.length;
  world.links[name].set(`${name}-eth0`, { mac, addresses: [name === 'n1' ? '192.0.2.1' : '192.0.2.2'] });
  await settle();
  assert.deepEqual(world.arpSent(before), announcement(mac));
  assert.deepEqual(await world.whoHas('192.0.2.10'), [mac]);
  assert.deepEqual(all[name].announcing()[0]?.interfaces, [`${name}-eth0`]);
  world.ended.abort();
});

test('an interface that gets the node’s address only later is found', async () => {
  const world = new World();
  for (const name of ['n1', 'n2'] as const) world.links[name].set(`${name}-eth0`, { addresses: [] });
  for (const name of ['n1', 'n2'] as const) await world.start(name);
  assert.deepEqual(await world.whoHas('192.0.2.10'), []);
  for (const [i, name] of (['n1', 'n2'] as const).entries()) {
    world.links[name].set(`${name}-eth0`, { addresses: [`192.0.2.${i + 1}`] });
  }
  await settle();
  assert.equal((await world.whoHas('192.0.2.10')).length, 1);
  world.ended.abort();
});

test('the Service’s Events say who announces it', async () => {
  const world = new World();
  for (const name of ['n1', 'n2'] as const) await world.start(name);
  const [mac] = await world.whoHas('192.0.2.10');
  const name = mac === MACS.n1 ? 'n1' : 'n2';
  await eventually(async () => {
    const { items } = await world.api.list(Event);
    const texts = items.map(({ reason, message, involvedObject }) => [reason, message, involvedObject.name]);
    assert.deepEqual(texts, [['nodeAssigned', `announcing from node "${name}" with protocol "layer2"`, 'web']]);
  });
  world.ended.abort();
});

test('everything ends with the signal', async () => {
  const world = new World();
  for (const name of ['n1', 'n2'] as const) await world.start(name);
  assert.equal(world.wire.open, 1);
  world.ended.abort();
  await eventually(() => world.wire.open === 0);
  assert.deepEqual(await world.whoHas('192.0.2.10'), []);
});
