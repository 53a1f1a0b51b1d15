import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { testSeed } from '../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../lib/random.ts';
import type { Change } from './informer.ts';
import { LateListeners } from './late-listeners.ts';

/** Objects that change, as an informer tells of them, and what a listener makes of what it is told. */
function world(keys: readonly string[]) {
  const objects = new Map(keys.map((key) => [key, 0]));
  const late = new LateListeners<number>((key) => objects.get(key));
  const listeners: ((change: Change<number>) => void)[] = [];
  let last = 0;
  return {
    objects,
    late,
    set(key: string) {
      const previous = objects.get(key);
      const object = ++last;
      late.note(key);
      objects.set(key, object);
      for (const listener of listeners) listener({ key, object, previous });
    },
    remove(key: string) {
      const previous = objects.get(key);
      if (previous === undefined) return;
      late.note(key);
      objects.delete(key);
      for (const listener of listeners) listener({ key, object: undefined, previous });
    },
    listen() {
      const known = new Map<string, number>();
      const order: string[] = [];
      listeners.push(
        late.add(({ key, object, previous }) => {
          assert.equal(previous, known.get(key), `what ${key} was before`);
          order.push(key);
          if (object === undefined) known.delete(key);
          else known.set(key, object);
        }, objects.keys()),
      );
      return { known, order };
    },
  };
}

const always = () => undefined;

describe('listeners that come late', () => {
  it('are told first of what changed last, then of the rest, of each once', async () => {
    const { late, listen, set, remove } = world(['a', 'b', 'c', 'd']);
    for (const key of ['b', 'c', 'e', 'b']) set(key);
    remove('e');
    const [one, two] = [listen(), listen()];
    assert.deepEqual(one.order, []);
    await late.tellRecent(always);
    assert.deepEqual(
      [one.order, two.order],
      [
        ['b', 'c'],
        ['b', 'c'],
      ],
    );
    await late.tellRest(always);
    assert.deepEqual(
      [one.order, two.order],
      [
        ['b', 'c', 'a', 'd'],
        ['b', 'c', 'a', 'd'],
      ],
    );
    await late.tellRest(always);
    assert.equal(one.order.length, 4);
    set('a');
    assert.deepEqual(one.order.slice(4), ['a']);
  });

  it('hear of what changes meanwhile as if it were new, and not of what is deleted before they knew it', async () => {
    const { late, listen, set, remove } = world(['a', 'b', 'c']);
    const { order, known } = listen();
    set('c');
    remove('b');
    assert.deepEqual(order, ['c']);
    await late.tellRest(always);
    assert.deepEqual(
      [order, [...known]],
      [
        ['c', 'a'],
        [
          ['c', 1],
          ['a', 0],
        ],
      ],
    );
  });

  it('remembers so many changes, and no more', async () => {
    const { late, listen, set } = world([]);
    for (let i = 0; i < 5000; i++) set(`${i}`);
    const { order } = listen();
    await late.tellRecent(always);
    assert.deepEqual([order.length, order[0], order.at(-1)], [2000, '4999', '3000']);
  });

  const seed = testSeed();
  it(`know in the end what there is, whatever happens while they are told (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const keys = Array.from({ length: 40 }, (_, i) => `${i}`);
    const { late, listen, set, remove, objects } = world(keys.slice(0, 30));
    const happen = () => {
      const key = keys[randomBelow(random, keys.length)] ?? '';
      if (random() < 0.4) remove(key);
      else set(key);
    };
    const heard: ReadonlyMap<string, number>[] = [];
    for (let round = 0; round < 20; round++) {
      for (let i = randomBelow(random, 20); i > 0; i--) happen();
      heard.push(listen().known);
      const pace = () => (random() < 0.3 ? nextTurn().then(happen) : undefined);
      await late.tellRecent(pace);
      if (random() < 0.5) heard.push(listen().known);
      await late.tellRest(pace);
    }
    await late.tellRest(always);
    for (const known of heard) assert.deepEqual(new Map([...known].sort()), new Map([...objects].sort()));
  });
});
