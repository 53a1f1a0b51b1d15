import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { type IPAddress, mustParseIP } from '../../lib/ip.ts';
import { MemoryConntrack } from '../../netfilter/conntrack/memory.ts';
import { type Endpoint, type Frontend, frontendKey } from '../forwarding/forwarding.ts';
import type { Changes } from '../mode.ts';
import { FlowKeeper } from './flow-keeper.ts';

const VIP = '10.96.0.53';
const NODE = '192.168.50.1';
const CLIENT = '10.244.1.9';
const [A, B, C] = ['10.244.1.1', '10.244.1.2', '10.244.2.3'] as const;

const endpoint = (ip: string): Endpoint => ({ ip, port: 5353, local: ip.startsWith('10.244.1.') });

/** A UDP frontend at the cluster IP, or as told. */
function frontend(endpoints: readonly string[], parts: Partial<Frontend> = {}): Frontend {
  return {
    ...{ family: 'IPv4', audience: 'anyone', entrance: { kind: 'address', ip: VIP }, protocol: 'udp', port: 53 },
    ...{ masquerade: 'outsiders', unavailable: 'refuse', endpoints: endpoints.map(endpoint) },
    ...parts,
  };
}

function changes(before: Frontend | undefined, after: Frontend | undefined, addresses: IPAddress[] = []): Changes {
  const key = frontendKey((after ?? before) as Frontend);
  return {
    frontends: [{ service: 'default/dns', key, before, after }],
    virtualAddresses: { added: [], removed: [] },
    nodeAddresses: { added: addresses, removed: [] },
  };
}

function setting(...frontends: readonly Frontend[]) {
  const conntrack = new MemoryConntrack();
  const controller = new AbortController();
  const clock = new FakeClock();
  const keeper = new FlowKeeper({ conntrack, clock, log: silentLogger });
  keeper.start(controller.signal);
  keeper.load({
    frontends: () => frontends.map((one) => ({ service: 'default/dns', key: frontendKey(one), frontend: one })),
    virtualAddresses: () => [],
    nodeAddresses: () => [mustParseIP(NODE)],
  });
  let sport = 4000;
  /** A client's flow; `from` is where replies come from. */
  const flow = (
    from: string,
    to: { daddr?: string; dport?: number; port?: number; protocol?: 'udp' | 'tcp'; zone?: number } = {},
  ) => {
    const { daddr = VIP, dport = 53, port = 5353, protocol = 'udp', zone = 0 } = to;
    sport++;
    return conntrack.add({
      ...{ family: 'IPv4', protocol, zone },
      original: { saddr: CLIENT, sport, daddr, dport },
      reply: { saddr: from, sport: port, daddr: CLIENT, dport: sport },
    });
  };
  return { ...{ conntrack, keeper, controller, clock, flow } };
}

test('forgets the flows of an endpoint that goes, and those of no other', async () => {
  const before = frontend([A, B]);
  const { conntrack, keeper, flow } = setting(before);
  await keeper.idle();
  const gone = [flow(A), flow(A)];
  const kept = [
    flow(B),
    flow(A, { daddr: '10.96.0.54' }),
    flow(A, { dport: 54 }),
    flow(A, { protocol: 'tcp' }),
    flow(A, { zone: 7 }),
    flow(A, { daddr: A, dport: 5353 }),
    flow('8.8.8.8', { daddr: '8.8.8.8', port: 53 }),
  ];
  keeper.change(changes(before, frontend([B])));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), kept);
  assert.equal(keeper.deleted, gone.length);
});

test('forgets all flows to an entrance that has no endpoint left', async () => {
  const before = frontend([A, B]);
  const { conntrack, keeper, flow } = setting(before);
  await keeper.idle();
  flow(A);
  flow(B);
  keeper.change(changes(before, frontend([])));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), []);
});

test('forgets flows that were tracked while nothing translated them, once there is an endpoint', async () => {
  const before = frontend([]);
  const { conntrack, keeper, flow } = setting(before);
  await keeper.idle();
  flow(VIP, { port: 53 });
  const kept = flow(A);
  keeper.change(changes(before, frontend([A])));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), [kept]);
});

test('forgets what a Service that goes led to its endpoints, and leaves what else went to that address', async () => {
  const before = frontend([A]);
  const { conntrack, keeper, flow } = setting(before);
  await keeper.idle();
  flow(A);
  const kept = flow(VIP, { port: 53 });
  keeper.change(changes(before, undefined));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), [kept]);
});

test('forgets flows by a node port at the node’s addresses, and nobody else’s', async () => {
  const nodePort = { entrance: { kind: 'node-port' }, port: 30053 } as const;
  const before = frontend([A, B], nodePort);
  const { conntrack, keeper, flow } = setting(before);
  await keeper.idle();
  flow(A, { daddr: NODE, dport: 30053 });
  const kept = [flow(B, { daddr: NODE, dport: 30053 }), flow(A, { daddr: '192.168.50.2', dport: 30053 })];
  keeper.change(changes(before, frontend([B], nodePort)));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), kept);
});

test('at an address that the node gets later, forgets what was not translated', async () => {
  const nodePort = { entrance: { kind: 'node-port' }, port: 30053 } as const;
  const one = frontend([A], nodePort);
  const { conntrack, keeper, flow } = setting(one);
  await keeper.idle();
  flow('192.168.50.2', { daddr: '192.168.50.2', dport: 30053, port: 30053 });
  keeper.change(changes(one, one, [mustParseIP('192.168.50.2')]));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), []);
});

test('keeps flows to an endpoint that either audience still has', async () => {
  const insiders = frontend([A, C], { audience: 'insiders' });
  const anyone = frontend([A]);
  const { conntrack, keeper, flow } = setting(insiders, anyone);
  await keeper.idle();
  const kept = flow(C);
  flow(A);
  keeper.change(changes(anyone, frontend([])));
  keeper.change(changes(insiders, frontend([C], { audience: 'insiders' })));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), [kept]);
});

test('keeps flows to an endpoint that ends and still serves', async () => {
  const before = frontend([A, B]);
  const draining = frontend([B], { draining: [endpoint(A)] });
  const { conntrack, keeper, flow } = setting(before);
  await keeper.idle();
  const kept = flow(A);
  keeper.change(changes(before, draining));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), [kept]);
  keeper.change(changes(draining, frontend([B])));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), []);
});

test('at a full load, forgets what went stale while nobody looked', async () => {
  const { conntrack, keeper, flow } = setting(frontend([A]));
  const kept = [flow(A), flow(B, { daddr: '10.96.0.54' })];
  flow(B);
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), kept);
});

test('looks at the flows once for changes that come together, and not at all when endpoints only come', async () => {
  const many = Array.from({ length: 40 }, (_, i) => frontend([A, B], { port: 1000 + i }));
  const { conntrack, keeper } = setting(...many);
  await keeper.idle();
  conntrack.listed.length = 0;
  for (const one of many) keeper.change(changes(one, frontend([A], { port: one.port })));
  await keeper.idle();
  // The first change is looked at when it comes, and all others when that is done.
  assert.deepEqual(conntrack.listed, [
    { family: 'IPv4', protocol: 'udp', dport: 1000, daddr: VIP },
    { family: 'IPv4', protocol: 'udp' },
  ]);
  conntrack.listed.length = 0;
  for (const one of many) keeper.change(changes(one, frontend([A, B, C], { port: one.port })));
  keeper.change(changes(frontend([A], { protocol: 'tcp' }), frontend([], { protocol: 'tcp' })));
  keeper.change(changes(frontend([A], { protocol: 'sctp' }), undefined));
  await keeper.idle();
  assert.deepEqual(conntrack.listed, []);
});

test('tries again when the kernel does not tell its flows', async () => {
  const before = frontend([A]);
  const { conntrack, keeper, flow, clock } = setting(before);
  await keeper.idle();
  flow(A);
  conntrack.failNext('No buffer space available');
  keeper.change(changes(before, frontend([])));
  while (keeper.failures === 0) await new Promise(setImmediate);
  await clock.advance(1000);
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), []);
});

test('gives up on flows that the kernel never tells, and looks anew at the next change', async () => {
  const before = frontend([A]);
  const { conntrack, keeper, flow, clock } = setting(before);
  await keeper.idle();
  flow(A);
  for (let i = 0; i < 5; i++) conntrack.failNext('Operation not permitted');
  keeper.change(changes(before, frontend([])));
  while (keeper.failures < 5) {
    await clock.advance(20_000);
    await new Promise(setImmediate);
  }
  await keeper.idle();
  assert.equal(conntrack.remaining().length, 1);
  keeper.change(changes(frontend([]), frontend([B])));
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), []);
});

test('does not rest between attempts once the node ends', async () => {
  const before = frontend([A]);
  const { conntrack, keeper, controller, flow } = setting(before);
  await keeper.idle();
  flow(A);
  conntrack.failNext('No buffer space available');
  keeper.change(changes(before, frontend([])));
  while (keeper.failures === 0) await new Promise(setImmediate);
  controller.abort();
  await keeper.idle();
  assert.deepEqual(conntrack.remaining(), []);
});

test('rests after a look that took long, four times as long', async () => {
  const before = frontend([A]);
  const { conntrack, keeper, flow, clock } = setting(before);
  await keeper.idle();
  flow(A);
  conntrack.delete = async (flows) => {
    conntrack.delete = MemoryConntrack.prototype.delete;
    await clock.advance(100);
    return conntrack.delete(flows);
  };
  keeper.change(changes(before, frontend([])));
  const turns = async () => {
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };
  await turns();
  const { looks } = keeper;
  keeper.change(changes(frontend([]), frontend([B])));
  await clock.advance(399);
  await turns();
  assert.equal(keeper.looks, looks);
  await clock.advance(1);
  await keeper.idle();
  assert.equal(keeper.looks, looks + 1);
});
