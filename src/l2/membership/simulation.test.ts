import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { minutes, seconds } from '../../lib/duration.ts';
import { HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT } from './options.ts';
import { SimulatedLan } from './simulation.ts';

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i + 1}`);

/** A LAN on which so many nodes have been running for a while. */
function running(count: number, seed = 1): SimulatedLan {
  const lan = new SimulatedLan(seed);
  lan.know(names(count));
  for (const name of names(count)) lan.start(name);
  lan.run(seconds(3));
  return lan;
}

/** Who lives, as each running node sees it. */
function views(lan: SimulatedLan): Record<string, string> {
  const up = [...lan.nodes.values()].filter(({ isDown }) => !isDown);
  return Object.fromEntries(up.map(({ name, heartbeats }) => [name, [...heartbeats.alive()].sort().join(' ')]));
}

const everyone = (lan: SimulatedLan, sees: string): Record<string, string> =>
  Object.fromEntries(Object.keys(views(lan)).map((name) => [name, sees]));

/** Milliseconds until something holds, looked at every millisecond. */
function timeUntil(lan: SimulatedLan, holds: () => boolean, limit = seconds(30)): number {
  for (let passed = 0; passed <= limit; passed++) {
    if (holds()) return passed;
    lan.run(1);
  }
  return Number.POSITIVE_INFINITY;
}

describe('nodes on a LAN', () => {
  test('all see all', () => {
    const lan = running(4);
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3 n4'));
  });

  test('a node that crashes is lost within the timeout and an interval, everywhere', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const lan = running(3, seed);
      lan.run(lan.random() * 100);
      lan.nodes.get('n1')?.end();
      const took = timeUntil(lan, () => Object.values(views(lan)).every((alive) => alive === 'n2 n3'));
      assert.ok(took <= HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL, `seed ${seed}: took ${took} ms`);
      assert.ok(took >= HEARTBEAT_TIMEOUT - HEARTBEAT_INTERVAL - 1, `seed ${seed}: took only ${took} ms`);
    }
  });

  test('half of them crash at once, and the rest agree as quickly', () => {
    const lan = running(8);
    for (const name of ['n1', 'n3', 'n5', 'n7']) lan.nodes.get(name)?.end();
    const took = timeUntil(lan, () => Object.values(views(lan)).every((alive) => alive === 'n2 n4 n6 n8'));
    assert.ok(took <= HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL, `took ${took} ms`);
  });

  for (const count of [2, 3]) {
    test(`${count} nodes see no false alarm in an hour at 5 % loss and 20 ms jitter`, () => {
      const lan = running(count);
      lan.weather = { loss: 0.05, delay: 0.5, jitter: 20, duplicates: 0.01 };
      const before = [...lan.nodes.values()].map(({ changes }) => changes);
      lan.run(minutes(60));
      assert.deepEqual(views(lan), everyone(lan, names(count).join(' ')));
      const states = [...lan.nodes.values()].map(({ changes }) => changes);
      assert.deepEqual(states, before);
    });
  }
});
