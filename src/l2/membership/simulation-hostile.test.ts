import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seconds } from '../../lib/duration.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import { changed, changes, everyone, freeze, names, running, timeUntil, views } from './simulated-cluster.ts';
import { CLEAR, type Flight, pick, SimulatedLan } from './simulation.ts';

const { interval: HEARTBEAT_INTERVAL, timeout: HEARTBEAT_TIMEOUT } = DEFAULT_HEARTBEATS;

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

  test('is a stranger with what it passes on of others, however fresh', () => {
    const lan = running(3);
    let passedOn = 0;
    lan.onFlight = ({ from, to, message }) => {
      if (from !== 'n1' || to !== 'n2' || passedOn === 10) return;
      passedOn++;
      lan.inject('n3', to, message);
    };
    lan.run(seconds(1));
    assert.equal(passedOn, 10);
    assert.equal(lan.nodes.get('n2')?.heartbeats.counts()['heartbeats stranger'], passedOn);
    assert.deepEqual(changed(lan), {});
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
