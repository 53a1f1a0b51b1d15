import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { milliseconds, minutes, seconds } from '../../lib/duration.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import { CLEAR, type Flight, pick, SimulatedLan } from './simulation.ts';

const { interval: HEARTBEAT_INTERVAL, timeout: HEARTBEAT_TIMEOUT } = DEFAULT_HEARTBEATS;

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i + 1}`);

/** A LAN on which so many nodes have been running for a while. */
function running(count: number, seed = 1): SimulatedLan {
  const lan = new SimulatedLan(seed);
  lan.know(names(count));
  for (const name of names(count)) lan.start(name);
  lan.run(seconds(3));
  settled.set(lan, changes(lan));
  return lan;
}

/** Who lives, as each running node sees it. */
function views(lan: SimulatedLan): Record<string, string> {
  const up = [...lan.nodes.values()].filter(({ isDown }) => !isDown);
  return Object.fromEntries(up.map(({ name, heartbeats }) => [name, [...heartbeats.alive()].sort().join(' ')]));
}

const everyone = (lan: SimulatedLan, sees: string): Record<string, string> =>
  Object.fromEntries(Object.keys(views(lan)).map((name) => [name, sees]));

/** How often each running node has seen anything change. */
function changes(lan: SimulatedLan): Record<string, number> {
  return Object.fromEntries([...lan.nodes.values()].map(({ name, changes }) => [name, changes]));
}

/** Of the nodes of `running`, those that have seen a change since, with how many. */
function changed(lan: SimulatedLan): Record<string, number> {
  const before = settled.get(lan) ?? {};
  return Object.fromEntries(Object.entries(changes(lan)).filter(([name, count]) => count !== before[name]));
}

const settled = new WeakMap<SimulatedLan, Record<string, number>>();

function state(lan: SimulatedLan, seenBy: string, name: string): string | undefined {
  return lan.nodes
    .get(seenBy)
    ?.heartbeats.status()
    .find((peer) => peer.name === name)?.state;
}

/** A process stands still from now on. */
function freeze(lan: SimulatedLan, name: string, duration: number): void {
  const node = lan.nodes.get(name);
  if (node !== undefined) node.frozenUntil = lan.timeline.now + duration;
}

/** A LAN on which heartbeats have never passed. */
function blocked(count: number): SimulatedLan {
  const lan = new SimulatedLan(1);
  lan.passes = () => false;
  lan.know(names(count));
  for (const name of names(count)) lan.start(name);
  lan.run(seconds(3));
  return lan;
}

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

describe('an attacker on the LAN', () => {
  test('cannot keep a node alive that has crashed, with all it ever said', () => {
    const lan = running(3);
    const heard: Flight[] = [];
    lan.onFlight = (flight) => heard.push(flight);
    lan.run(seconds(5));
    lan.onFlight = () => {};
    lan.nodes.get('n1')?.end();
    const crashed = lan.timeline.now;
    const replay = (): void => {
      for (const { from, to, message } of heard) if (from === 'n1') lan.inject(from, to, message);
      lan.timeline.after(25, replay);
    };
    replay();
    const took = timeUntil(lan, () => lan.announcers(['n1', 'n2']).join() === 'n2');
    assert.ok(took <= HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL, `took ${took} ms`);
    lan.run(seconds(5));
    assert.deepEqual(views(lan), everyone(lan, 'n2 n3'), `since ${crashed}`);
  });

  test('cannot disturb anybody with what was said earlier, also by former incarnations', () => {
    const lan = running(3);
    const heard: Flight[] = [];
    lan.onFlight = (flight) => heard.push(flight);
    lan.run(seconds(1));
    lan.leave('n1');
    lan.run(seconds(1));
    lan.start('n1');
    lan.run(seconds(2));
    lan.onFlight = () => {};
    const calm = changes(lan);
    for (let i = 0; i < 2000; i++) {
      const { from, to, message } = pick(lan.random, heard);
      lan.inject(from, to, message);
      lan.run(2);
    }
    assert.deepEqual(changes(lan), calm);
    assert.deepEqual(views(lan), everyone(lan, 'n1 n2 n3'));
  });

  test('cannot make anything up without the key, nor say something in another’s name', () => {
    const lan = running(3);
    const other = new SimulatedLan(2);
    other.key = Buffer.alloc(32, 8);
    other.know(names(3));
    other.onFlight = ({ from, to, message }) => lan.inject(from, to, message);
    for (const name of names(3)) other.start(name);
    for (let i = 0; i < 100; i++) {
      other.run(20);
      lan.run(20);
    }
    assert.deepEqual(changed(lan), {});
    const counts = lan.nodes.get('n1')?.heartbeats.counts() ?? {};
    assert.ok((counts['heartbeats unknown-key'] ?? 0) > 50);
  });
});

test('whatever happens, nodes agree soon after it is over', () => {
  const SEEDS = 20;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const lan = running(2 + (seed % 5), seed);
    const all = [...lan.nodes.keys()];
    const heard: Flight[] = [];
    lan.onFlight = (flight) => {
      heard[heard.length < 500 ? heard.length : Math.floor(lan.random() * 500)] = flight;
    };
    const { random } = lan;
    for (let step = 0; step < 40; step++) {
      const [some, other] = [pick(random, all), pick(random, all)];
      const disturb = pick(random, [
        () => (lan.weather = { loss: random() * 0.6, delay: random() * 20, jitter: random() * 150, duplicates: 0.1 }),
        () => (lan.weather = CLEAR),
        () => (lan.passes = (from, to) => !(from === some && to === other)),
        () => (lan.passes = (from, to) => [from, to].sort().join() !== [some, other].sort().join()),
        () => (lan.passes = (from) => from !== some),
        () => (lan.passes = (_, to) => to !== some),
        () => (lan.passes = (from, to) => from < some === to < some),
        () => (lan.hasApi = (node) => node < some),
        () => (lan.isOnLan = (node) => node !== other),
        () => freeze(lan, some, random() * 1000),
        () => lan.start(some),
        () => lan.nodes.get(some)?.end(),
        () => {
          for (const { from, to, message } of heard) lan.inject(from, to, message);
        },
      ]);
      disturb();
      lan.run(random() * 1500);
    }
    lan.weather = CLEAR;
    lan.passes = () => true;
    lan.hasApi = () => true;
    lan.isOnLan = () => true;
    const up = all.filter((name) => lan.nodes.get(name)?.isDown === false);
    // At worst a node was frozen for a second, and then waits a second for those that are down. One that has started since
    // they went knows only their leases, which have yet to run out.
    lan.run(seconds(2) + HEARTBEAT_TIMEOUT + HEARTBEAT_INTERVAL + (up.length < all.length ? seconds(15) : 0));
    for (let look = 0; look < 60; look++) {
      assert.deepEqual(views(lan), everyone(lan, up.join(' ')), `seed ${seed}, look ${look}`);
      const candidates = all.toSorted(() => random() - 0.5);
      const first = candidates.filter((name) => up.includes(name)).slice(0, 1);
      assert.deepEqual(lan.announcers(candidates), first, `seed ${seed}: one announcer for ${candidates.join()}`);
      lan.run(500);
    }
  }
});
