import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { minutes, seconds } from '../../lib/duration.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import { blocked, changed, everyone, names, running, state, timeUntil, views } from './simulated-cluster.ts';
import { SimulatedLan } from './simulation.ts';

const { interval: HEARTBEAT_INTERVAL, timeout: HEARTBEAT_TIMEOUT } = DEFAULT_HEARTBEATS;

describe('a LAN that is cut', () => {
  test('between two nodes that a third hears changes nothing', () => {
    const lan = running(3);
    lan.passes = (from, to) => [from, to].sort().join() !== 'n1,n2';
    lan.run(seconds(60));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
    assert.equal(state(lan, 'n1', 'n2'), 'told');
    lan.nodes.get('n2')?.end();
    const took = timeUntil(lan, () => lan.announcers(['n2', 'n1']).join() === 'n1');
    assert.ok(took <= HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL, `took ${took} ms`);
  });

  test('one way makes the node silent that is not heard', () => {
    for (const count of [2, 4]) {
      const lan = running(count);
      lan.passes = (from) => from !== 'n1';
      const took = timeUntil(lan, () => lan.announcers(['n1', 'n2']).join() === 'n2');
      assert.ok(took <= HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL, `took ${took} ms`);
      assert.match(lan.nodes.get('n1')?.heartbeats.silent() ?? '', /arrive, but none of ours get there/);
      lan.run(seconds(60));
      assert.deepEqual(lan.announcers(['n1', 'n2']), ['n2']);
      lan.passes = () => true;
      lan.run(3 * HEARTBEAT_INTERVAL);
      assert.deepEqual(lan.announcers(['n1', 'n2']), ['n1']);
    }
  });

  const apart = (a: readonly string[]) => (from: string, to: string) => a.includes(from) === a.includes(to);

  test('in two has one announcer in each part, and later one for all, in the larger', () => {
    const lan = running(5);
    lan.passes = apart(['n1', 'n2']);
    const took = timeUntil(lan, () => lan.announcers(names(5)).join() === 'n1,n3');
    assert.ok(took <= HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL, `took ${took} ms`);
    lan.run(seconds(2));
    assert.deepEqual(lan.announcers(names(5)), ['n1', 'n3']);
    lan.run(seconds(8));
    assert.deepEqual(lan.announcers(names(5)), ['n3']);
    assert.match(lan.nodes.get('n1')?.heartbeats.silent() ?? '', /the part of n3, n4, n5 goes on/);
    assert.deepEqual(lan.announcers(['n2', 'n1']), ['n2'], 'what only the smaller part can announce, it does');
    lan.run(seconds(60));
    assert.deepEqual(lan.announcers(names(5)), ['n3']);
    lan.passes = () => true;
    const healed = timeUntil(lan, () => lan.announcers(names(5)).join() === 'n1');
    assert.ok(healed <= 3 * HEARTBEAT_INTERVAL, `took ${healed} ms`);
  });

  test('in halves goes on with the node of the smallest name, unless that half is not on the LAN', () => {
    for (const [cutOff, winner] of [
      [[], 'n1'],
      [['n1', 'n2'], 'n3'],
    ] as const) {
      const lan = running(4);
      lan.passes = apart(['n1', 'n2']);
      lan.isOnLan = (name) => !(cutOff as readonly string[]).includes(name);
      lan.run(seconds(30));
      assert.deepEqual(lan.announcers(names(4)), [winner]);
      assert.deepEqual(lan.announcers(['n4', 'n2']), [winner === 'n1' ? 'n2' : 'n4']);
    }
  });

  test('from a node that is without the API as well silences that node', () => {
    const lan = running(3);
    lan.passes = apart(['n1']);
    lan.hasApi = (name) => name !== 'n1';
    lan.run(1500 + HEARTBEAT_TIMEOUT + 500);
    assert.match(lan.nodes.get('n1')?.heartbeats.silent() ?? '', /can reach neither the API nor n2, n3/);
    assert.deepEqual(lan.announcers(names(3)), ['n2']);
    lan.run(seconds(60));
    assert.deepEqual(lan.announcers(names(3)), ['n2']);
    lan.passes = () => true;
    lan.run(3 * HEARTBEAT_INTERVAL);
    assert.deepEqual(lan.announcers(names(3)), ['n1'], 'the others are enough, without the API');
  });
});

describe('an API that is away', () => {
  test('for a minute changes nothing while heartbeats pass, nor does its return', () => {
    const lan = running(3);
    lan.hasApi = () => false;
    lan.run(minutes(1));
    lan.hasApi = () => true;
    lan.run(minutes(1));
    assert.deepEqual(changed(lan), {});
  });

  test('does not bring back a node that crashes meanwhile', () => {
    const lan = running(3);
    lan.hasApi = () => false;
    lan.run(seconds(5));
    lan.nodes.get('n1')?.end();
    lan.run(HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL);
    for (let passed = 0; passed < 60; passed++) {
      assert.deepEqual(views(lan), everyone(lan, 'n2 n3'));
      lan.run(seconds(1));
    }
    lan.hasApi = () => true;
    for (let passed = 0; passed < 60; passed++) {
      assert.deepEqual(views(lan), everyone(lan, 'n2 n3'));
      lan.run(seconds(1));
    }
  });

  test('does not stop a node that is alone in the cluster, nor one whose peers are known to be gone', () => {
    const lan = running(1);
    lan.hasApi = () => false;
    lan.run(minutes(1));
    assert.deepEqual(views(lan), { n1: 'n1' });

    const two = running(2);
    two.nodes.get('n2')?.end();
    two.run(seconds(20));
    two.hasApi = () => false;
    two.run(minutes(1));
    assert.deepEqual(views(two), { n1: 'n1' });

    const left = running(2);
    left.leave('n2');
    left.run(100);
    left.nodes.get('n2')?.end();
    left.hasApi = () => false;
    left.run(minutes(1));
    assert.deepEqual(views(left), { n1: 'n1' });
  });

  test('does not stop anybody where heartbeats never passed', () => {
    const lan = blocked(3);
    lan.hasApi = () => false;
    lan.run(minutes(1));
    lan.hasApi = () => true;
    lan.run(minutes(1));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
  });
});

describe('where heartbeats do not pass', () => {
  test('leases say who lives, once a new node had its second', () => {
    const lan = blocked(3);
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
    assert.equal(state(lan, 'n1', 'n2'), 'leased');
    lan.nodes.get('n2')?.end();
    lan.run(seconds(10));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
    lan.run(seconds(7));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n3'));
    assert.equal(state(lan, 'n1', 'n2'), 'lost');
    lan.start('n2');
    lan.run(seconds(3));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
  });

  test('any more, all announce for a while, then leases tell that all live', () => {
    const lan = running(3);
    lan.passes = () => false;
    lan.run(seconds(2));
    assert.deepEqual(views(lan), { n1: 'n1', n2: 'n2', n3: 'n3' });
    lan.run(seconds(8));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
    lan.start('n2');
    lan.run(seconds(3));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'), 'also to one that started since');
    lan.hasApi = () => false;
    lan.run(minutes(1));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'), 'also when the API is away');
  });

  test('to one node only, the others go on without it, and it without them', () => {
    const lan = new SimulatedLan(1);
    lan.passes = (from, to) => from !== 'n1' && to !== 'n1';
    lan.know(names(3));
    for (const name of names(3)) lan.start(name);
    lan.run(seconds(20));
    assert.deepEqual(lan.announcers(names(3)), ['n2']);
    assert.deepEqual(lan.announcers(['n1']), ['n1'], 'what it alone can announce');
    assert.deepEqual([state(lan, 'n1', 'n2'), state(lan, 'n2', 'n1')], ['leased', 'lost']);
  });
});
