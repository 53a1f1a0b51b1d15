import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { PeerFacts } from '../lan/messages.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import { Heartbeats } from './heartbeats.ts';
import type { HeartbeatsOptions } from './options.ts';

const { interval: HEARTBEAT_INTERVAL, timeout: HEARTBEAT_TIMEOUT } = DEFAULT_HEARTBEATS;

const SECRET = Buffer.alloc(32, 1);

/** A node on an address of its own of the loopback interface. */
class LoopbackNode {
  readonly name: string;
  readonly address: string;
  readonly heartbeats: Heartbeats;
  readonly ended = new AbortController();
  readonly #events = new EventEmitter();

  constructor(t: TestContext, host: number, options: Partial<HeartbeatsOptions> = {}) {
    this.name = `n${host}`;
    this.address = `127.0.${process.pid % 256}.${host}`;
    this.heartbeats = new Heartbeats({
      nodeName: this.name,
      addresses: [this.address],
      macs: [`02:00:00:00:00:0${host}`],
      ...DEFAULT_HEARTBEATS,
      port: 0,
      clock: systemClock,
      log: silentLogger,
      onChange: () => this.#events.emit('change'),
      ...options,
    });
    t.after(() => this.ended.abort());
  }

  facts(): PeerFacts {
    const { name, address } = this;
    const port = this.heartbeats.port;
    return { name, addresses: [address], port, lease: 'fresh', hears: [], onLan: true };
  }

  get alive(): string {
    return [...this.heartbeats.alive()].sort().join(' ');
  }

  /** Resolves when it sees these alive. */
  async sees(names: string): Promise<void> {
    while (this.alive !== names) await once(this.#events, 'change', { signal: AbortSignal.timeout(5000) });
  }
}

/** Nodes that know each other. */
async function cluster(t: TestContext, nodes: readonly LoopbackNode[]): Promise<void> {
  for (const { heartbeats, ended } of nodes) heartbeats.start(ended.signal);
  while (nodes.some(({ heartbeats }) => heartbeats.port === 0)) await systemClock.sleep(1);
  for (const { heartbeats } of nodes) {
    heartbeats.setKeys([{ secret: SECRET }]);
    heartbeats.setPeers(nodes.map((node) => node.facts()));
  }
  t.diagnostic(nodes.map(({ address, heartbeats }) => `${address}:${heartbeats.port}`).join(' '));
}

describe('heartbeats over real sockets', { timeout: 30_000 }, () => {
  test('let nodes see each other, and one that ends is lost in time', async (t) => {
    const nodes = [1, 2, 3].map((host) => new LoopbackNode(t, host));
    const [a, b, c] = nodes;
    assert.ok(a && b && c);
    assert.match(a.heartbeats.silent() ?? '', /has just started/);
    await cluster(t, nodes);
    await Promise.all(nodes.map((node) => node.sees('n1 n2 n3')));
    assert.equal(a.heartbeats.silent(), undefined);
    assert.deepEqual(a.heartbeats.hears(), ['n2', 'n3']);
    assert.equal(a.heartbeats.macOwner('02:00:00:00:00:02'), 'n2');
    assert.equal(a.heartbeats.macOwner('02:00:00:00:00:99'), undefined);
    for (const { name, state, since, roundTrip } of a.heartbeats.status()) {
      assert.equal(state, 'heard', name);
      assert.ok(Math.abs(since - Date.now()) < 10_000);
      assert.ok(roundTrip !== undefined && roundTrip >= 0 && roundTrip < HEARTBEAT_TIMEOUT);
    }

    const crashed = performance.now();
    c.ended.abort();
    await Promise.all([a.sees('n1 n2'), b.sees('n1 n2')]);
    // Other work on this machine may delay it.
    assert.ok(performance.now() - crashed < HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL + 500);
    assert.equal(a.heartbeats.status().find(({ name }) => name === 'n3')?.state, 'lost');
    assert.equal(a.heartbeats.macOwner('02:00:00:00:00:03'), 'n3');
  });

  test('tell the others that a node leaves, which waits until they know', async (t) => {
    const nodes = [1, 2, 3].map((host) => new LoopbackNode(t, host));
    const [a, b, c] = nodes;
    assert.ok(a && b && c);
    await cluster(t, nodes);
    await Promise.all(nodes.map((node) => node.sees('n1 n2 n3')));
    const began = performance.now();
    await a.heartbeats.leave();
    assert.ok(performance.now() - began < 900, 'it did not have to wait for the time to run out');
    assert.deepEqual([b.alive, c.alive], ['n2 n3', 'n2 n3']);
    assert.equal(b.heartbeats.status().find(({ name }) => name === 'n1')?.state, 'leaving');
    assert.equal(a.heartbeats.silent(), 'it is about to stop');
  });

  test('are not believed without the right key, and are as soon as it is known', async (t) => {
    const asked: string[] = [];
    const a = new LoopbackNode(t, 1, { onUnknownKey: () => asked.push('n1') });
    const b = new LoopbackNode(t, 2);
    for (const node of [a, b]) node.heartbeats.setPeers([]);
    await cluster(t, [a, b]);
    b.heartbeats.setKeys([{ secret: Buffer.alloc(32, 2) }]);
    while ((a.heartbeats.counts()['heartbeats unknown-key'] ?? 0) < 3) await systemClock.sleep(5);
    assert.equal(asked.length, 1);
    a.heartbeats.setKeys([{ secret: SECRET }, { secret: Buffer.alloc(32, 2) }]);
    b.heartbeats.setKeys([{ secret: Buffer.alloc(32, 2) }, { secret: SECRET }]);
    await Promise.all([a.sees('n1 n2'), b.sees('n1 n2')]);
  });

  test('are not needed when the interval is 0: leases say who lives', async (t) => {
    const a = new LoopbackNode(t, 1, { interval: milliseconds(0) });
    a.heartbeats.start(a.ended.signal);
    const peer = { name: 'n2', addresses: ['127.0.0.2'], port: 7952, hears: [], onLan: true } as const;
    a.heartbeats.setPeers([{ ...peer, lease: 'fresh' }]);
    assert.equal(a.alive, 'n1 n2');
    a.heartbeats.setPeers([{ ...peer, lease: 'stale' }]);
    assert.equal(a.alive, 'n1');
    assert.deepEqual([a.heartbeats.port, a.heartbeats.counts()], [0, {}]);
  });

  test('begin when the machine gets its address', async (t) => {
    const nodes = [1, 2].map((host) => new LoopbackNode(t, host));
    const [a, b] = nodes;
    assert.ok(a && b);
    const late = new LoopbackNode(t, 3, { addresses: ['192.0.2.1'] });
    late.heartbeats.start(late.ended.signal);
    await cluster(t, nodes);
    late.heartbeats.setAddresses([late.address]);
    while (late.heartbeats.port === 0) await systemClock.sleep(1);
    late.heartbeats.setKeys([{ secret: SECRET }]);
    for (const { heartbeats } of [a, b, late]) heartbeats.setPeers([a.facts(), b.facts(), late.facts()]);
    await Promise.all([a, b, late].map((node) => node.sees('n1 n2 n3')));
  });
});
