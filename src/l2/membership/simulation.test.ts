import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { milliseconds, minutes, seconds } from '../../lib/duration.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import { changed, changes, everyone, freeze, names, running, state, timeUntil, views } from './simulated-cluster.ts';
import { SimulatedLan } from './simulation.ts';

const { interval: HEARTBEAT_INTERVAL, timeout: HEARTBEAT_TIMEOUT } = DEFAULT_HEARTBEATS;

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
      lan.run(minutes(60));
      assert.deepEqual(views(lan), everyone(lan, names(count).join(' ')));
      assert.deepEqual(changed(lan), {});
    });
  }

  test('one that was heard is not lost by the loss of a few messages, but by that of the way to it', () => {
    const lan = running(2);
    lan.passes = () => false;
    lan.run(HEARTBEAT_TIMEOUT - 2 * HEARTBEAT_INTERVAL);
    lan.passes = () => true;
    lan.run(seconds(1));
    assert.deepEqual(changed(lan), {});
    lan.passes = () => false;
    lan.run(HEARTBEAT_TIMEOUT + 1);
    assert.deepEqual(views(lan), { n1: 'n1', n2: 'n2' });
  });

  test('a process that stands still for less than the timeout disturbs nobody', () => {
    const lan = running(3);
    freeze(lan, 'n1', 200);
    lan.run(seconds(1));
    assert.deepEqual(changed(lan), {});
  });

  test('one that stands still for longer holds back when it goes on, until it has heard the others', () => {
    const lan = running(3);
    freeze(lan, 'n1', seconds(2));
    lan.run(seconds(2) - 1);
    assert.deepEqual(lan.announcers(['n1', 'n2']), ['n1', 'n2'], 'it cannot know yet');
    lan.run(1.01);
    assert.deepEqual(lan.announcers(['n1', 'n2']), ['n2']);
    assert.match(lan.nodes.get('n1')?.heartbeats.silent() ?? '', /has just started to run again and waits for n2, n3/);
    lan.run(2 * HEARTBEAT_INTERVAL);
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
  });
});

test('a lease that somebody deletes makes no difference', () => {
  const lan = running(3);
  lan.deleteLease('n2');
  lan.run(seconds(10));
  assert.deepEqual(changed(lan), {});
});

describe('nodes that are set up differently', () => {
  test('see each other, also when some send rarely', () => {
    const lan = new SimulatedLan(1);
    lan.weather = { loss: 0.01, delay: 0.5, jitter: 5, duplicates: 0 };
    lan.know(names(3));
    for (const name of names(3)) lan.start(name, name === 'n1' ? { interval: milliseconds(400) } : {});
    lan.run(seconds(3));
    const calm = changes(lan);
    lan.run(minutes(2));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
    assert.deepEqual(changes(lan), calm);
    lan.nodes.get('n1')?.end();
    const took = timeUntil(lan, () => lan.announcers(['n1', 'n2']).join() === 'n2');
    assert.ok(took <= 3 * 400 + 10, `took ${took} ms`);
  });

  test('change from one key to another while they run, in any order', () => {
    const lan = running(3);
    const [old, next] = [lan.key, Buffer.alloc(32, 9)];
    for (const keys of [[old, next], [next, old], [next]]) {
      for (const name of ['n2', 'n3', 'n1']) {
        lan.nodes.get(name)?.heartbeats.setKeys(keys.map((secret) => ({ secret })));
        lan.run(seconds(1));
      }
    }
    assert.deepEqual(changed(lan), {});
  });

  test('are passed over while another part of them is not ready', () => {
    const lan = running(3);
    const heartbeats = lan.nodes.get('n1')?.heartbeats;
    heartbeats?.withhold('it is not ready');
    lan.run(15);
    assert.deepEqual(views(lan), everyone(lan, 'n2 n3'));
    assert.deepEqual([heartbeats?.silent(), state(lan, 'n2', 'n1')], ['it is not ready', 'heard']);
    heartbeats?.withhold(undefined);
    lan.run(15);
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
  });

  test('know by their heartbeats which Ethernet address is whose', () => {
    const lan = running(2);
    const heartbeats = lan.nodes.get('n1')?.heartbeats;
    assert.equal(heartbeats?.macOwner('02:00:00:00:00:02'), 'n2');
    lan.nodes.get('n2')?.heartbeats.setMacs(['02:00:00:00:00:99']);
    lan.run(100);
    assert.deepEqual(
      ['02', '99'].map((end) => heartbeats?.macOwner(`02:00:00:00:00:${end}`)),
      [undefined, 'n2'],
    );
  });
});

describe('a node that starts', () => {
  test('is passed over by all until it knows how the others are', () => {
    const lan = running(3);
    lan.know(names(4));
    const late = lan.start('n4');
    while (late.heartbeats.silent() !== undefined) {
      for (const [name, alive] of Object.entries(views(lan))) {
        if (name !== 'n4') assert.equal(alive, 'n1 n2 n3');
      }
      lan.run(1);
    }
    assert.ok(lan.timeline.now < seconds(3) + 200, `took until ${lan.timeline.now}`);
    lan.run(15);
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3 n4'));
  });

  test('waits a second for one that does not answer, and not at all when there is no other', () => {
    const lan = new SimulatedLan(1);
    lan.know(['n1', 'n2']);
    const node = lan.start('n1');
    lan.run(1000);
    assert.match(node.heartbeats.silent() ?? '', /waits for n2/);
    lan.run(100);
    assert.deepEqual(views(lan), { n1: 'n1' });

    const alone = new SimulatedLan(1);
    alone.know(['n1']);
    alone.start('n1');
    alone.run(HEARTBEAT_INTERVAL);
    assert.deepEqual(views(alone), { n1: 'n1' });
  });

  test('anew, within the timeout, is the same node to the others', () => {
    const lan = running(3);
    lan.start('n1');
    lan.run(seconds(2));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
  });
});

describe('a node that leaves', () => {
  test('is passed over by all at once, and its lease does not bring it back', () => {
    const lan = running(3);
    lan.leave('n1');
    lan.run(HEARTBEAT_INTERVAL + 5);
    assert.deepEqual(views(lan), everyone(lan, 'n2 n3'));
    assert.equal(state(lan, 'n2', 'n1'), 'leaving');
    lan.nodes.get('n1')?.end();
    lan.run(seconds(40));
    assert.deepEqual(views(lan), everyone(lan, 'n2 n3'));
    assert.equal(state(lan, 'n2', 'n1'), 'absent');
    lan.start('n1');
    lan.run(seconds(2));
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
  });
});
