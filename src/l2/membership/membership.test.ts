import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerFacts } from '../lan/messages.ts';
import { Membership } from './membership.ts';
import type { Heartbeat } from './message.ts';

const [INTERVAL, TIMEOUT] = [50, 350];

function facts(name: string): PeerFacts {
  return { name, addresses: [], port: 7952, lease: 'fresh', hears: [], onLan: true };
}

/** Two nodes that hear each other, and a clock of milliseconds. */
function pair() {
  const world = { now: 0 };
  const [a, b] = (['a', 'b'] as const).map(
    (nodeName, i) => new Membership({ nodeName, incarnation: i + 1, interval: INTERVAL, timeout: TIMEOUT }),
  );
  assert.ok(a && b);
  a.setPeers([facts('b')], 0);
  b.setPeers([facts('a')], 0);
  /** Lets heartbeats go both ways, or one only, for a while. */
  const beat = (milliseconds: number, { toA = true, toB = true } = {}) => {
    for (const end = world.now + milliseconds; world.now < end; world.now += INTERVAL) {
      const [fromA, fromB]: Heartbeat[] = [a.compose(world.now), b.compose(world.now)];
      if (toB && fromA) b.receive(fromA, world.now);
      if (toA && fromB) a.receive(fromB, world.now);
      a.advance(world.now);
      b.advance(world.now);
    }
  };
  beat(2000);
  assert.deepEqual([a.silent, b.silent], [undefined, undefined]);
  return { a, b, beat, world };
}

test('a node is silent soon when others’ heartbeats arrive and its own do not', () => {
  const { a, beat } = pair();
  beat(2 * TIMEOUT, { toB: false });
  assert.match(String(a.silent), /arrive, but none of ours get there/);
  assert.ok(a.isMute);
});

test('a node that comes back is given the time to hear others before they take themselves for unheard', () => {
  const { a, b, beat, world } = pair();
  beat(15_000, { toA: false, toB: false });
  b.stalled(15_000, world.now);
  // What it says at first goes by heartbeats that waited for it all the time.
  beat(TIMEOUT - INTERVAL, { toB: false });
  assert.deepEqual([a.silent, a.isMute], [undefined, false]);
  beat(TIMEOUT);
  assert.deepEqual([a.silent, b.silent], [undefined, undefined]);
  beat(2 * TIMEOUT, { toB: false });
  assert.ok(a.isMute);
});
