import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { FakeWire } from '../../host/packet-socket-fake.ts';
import { inNamespace } from '../../host/testing/in-namespace.ts';
import { mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import { printMAC } from '../../lib/mac.ts';
import { ethernet, icmpv6 } from '../guard/frames.ts';
import { skipWithoutPodNetwork } from '../testing.ts';
import { runRouterAdvertisements } from './advertiser.ts';
import { encodeRouterAdvertisement } from './packet.ts';

/** What a guest's kernel made of an advertisement. */
interface Seen {
  readonly assigned: readonly string[];
  readonly formed: readonly string[];
  readonly defaultRoute: string;
  readonly prefixRoutes: readonly string[];
  readonly router: string;
}

const ROUTER = '02:00:00:00:00:01';
const GUEST = '02:00:00:00:00:05';
const ALL_NODES = '33:33:00:00:00:01';

/** A node's bridge on a wire, with advertisements running until the test ends. */
async function router(t: TestContext) {
  const wire = new FakeWire();
  wire.addInterface('postern0', ROUTER);
  const clock = new FakeClock(0);
  const stop = new AbortController();
  const running = runRouterAdvertisements(
    {
      prefix: mustParseCIDR('fd00:10:244:1::/64'),
      clusterDomain: 'cluster.local',
      log: silentLogger,
      clock,
      openSocket: wire.openPacketSocket,
    },
    stop.signal,
  );
  t.after(async () => {
    stop.abort();
    await running;
  });
  await settled();
  return { wire, clock, to: () => wire.sent.map(({ frame }) => printMAC(frame.subarray(0, 6))) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('all guests are told at the start, and every five minutes', async (t) => {
  const { clock, to } = await router(t);
  assert.deepEqual(to(), [ALL_NODES]);
  await clock.advance(300_000);
  await settled();
  assert.deepEqual(to(), [ALL_NODES, ALL_NODES]);
});

test('a guest is answered at its first word, and when it solicits, and nobody else hears it', async (t) => {
  const { wire, clock, to } = await router(t);
  for (const said of [icmpv6('::', 143, { hopByHop: true }), icmpv6('::', 135), icmpv6('fe80::ff:fe00:5', 133)]) {
    wire.inject(ethernet(GUEST, ALL_NODES, said));
    await clock.advance(100);
  }
  assert.deepEqual(to(), [ALL_NODES, GUEST, GUEST, GUEST]);
});

test('a guest that only looks for a neighbour is not answered, nor is one that floods or breaks off', async (t) => {
  const { wire, to } = await router(t);
  wire.inject(ethernet(GUEST, ALL_NODES, icmpv6('fe80::ff:fe00:5', 135)));
  wire.inject(ethernet(GUEST, ALL_NODES, icmpv6('::', 135)).subarray(0, 40));
  assert.deepEqual(to(), [ALL_NODES]);
  for (let i = 0; i < 100; i++) wire.inject(ethernet(GUEST, ALL_NODES, icmpv6('::', 135)));
  assert.deepEqual(to(), [ALL_NODES, GUEST]);
});

test('a bridge that goes and comes is advertised on again', async (t) => {
  const { wire, clock, to } = await router(t);
  wire.removeInterface('postern0');
  await settled();
  wire.addInterface('postern0', ROUTER);
  await clock.advance(1000);
  await settled();
  assert.deepEqual(to(), [ALL_NODES, ALL_NODES]);
  assert.equal(wire.open, 1);
});

test('an advertisement names the prefix for addresses and not for neighbours, the DNS server and the domains', async (t) => {
  const { wire } = await router(t);
  const hex = Buffer.from(wire.sent[0]?.frame ?? []).toString('hex');
  const prefix = 'fd000010024400010000000000000000';
  assert.ok(hex.includes(`03044040ffffffffffffffff00000000${prefix}`), 'prefix: autonomous, not on-link');
  assert.ok(hex.includes('1903000000002328fd000010024400010000000000000001'), 'DNS server for 9000 s');
  const name = (text: string) =>
    text.split('.').map((label) => `0${label.length}${Buffer.from(label).toString('hex')}`);
  const domains = [...name('svc.cluster.local'), '00', ...name('cluster.local'), '00'].join('');
  assert.ok(hex.includes(`1f06000000002328${domains}`), 'search list, 6 units long');
});

test('Linux forms its assigned address of it, without ever asking', { skip: skipWithoutPodNetwork() }, () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'postern-ra-'));
  try {
    const seen = JSON.parse(inNamespace(new URL('ra.fixture.ts', import.meta.url), [stateDir])) as Seen;
    assert.deepEqual(seen.formed, seen.assigned);
    assert.match(seen.defaultRoute, new RegExp(`^default via ${seen.router} proto ra`));
    assert.deepEqual(seen.prefixRoutes, [], 'neighbours are reached through the node');
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
});

test('an advertisement says how long packets may be, where that is known', () => {
  const content = {
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    source: mustParseIP('fe80::1'),
    prefix: mustParseCIDR('fd00:10:244:1::/64'),
    dnsServer: mustParseIP('fd00:10:244:1::1'),
    searchDomains: [],
    lifetime: 9000,
  };
  const hex = (mtu?: number) =>
    Buffer.from(encodeRouterAdvertisement({ ...content, mtu }, content.mac)).toString('hex');
  // RFC 4861 section 4.6.4.
  assert.ok(hex(1450).includes('05010000000005aa'));
  assert.ok(!hex().includes('0501000000'));
});
