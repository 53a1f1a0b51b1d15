import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../lib/random.ts';
import { NumberSet } from './number-set.ts';

test('gives every number below its limit, lowest first, and then none', () => {
  for (const limit of [0n, 1n, 31n, 32n, 33n, 1024n, 1025n]) {
    const set = new NumberSet(limit);
    for (let next = 0n; next < limit; next++) {
      assert.equal(set.lowestAbsent(), next);
      assert.equal(set.add(next), true);
      assert.equal(set.add(next), false, 'it is there already');
    }
    assert.equal(set.lowestAbsent(), undefined);
    assert.equal(set.size, limit);
  }
});

test('reaches as far as addresses do', () => {
  const set = new NumberSet(1n << 128n);
  const last = (1n << 128n) - 1n;
  for (const number of [0n, last]) set.add(number);
  assert.deepEqual([set.has(last), set.has(last - 1n), set.lowestAbsent()], [true, false, 1n]);
  assert.equal(set.delete(0n), true);
  assert.equal(set.lowestAbsent(), 0n);
});

test('knows no numbers outside its limit', () => {
  const set = new NumberSet(40n);
  for (const number of [-1n, 40n]) assert.throws(() => set.add(number), RangeError);
});

const seed = testSeed();
test(`agrees with a list of what is there, whatever comes and goes (POSTERN_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  for (const limit of [20, 100, 3000]) {
    const set = new NumberSet(BigInt(limit));
    const model = new Set<number>();
    // Mostly adding, mostly deleting, and again, so that it is full and empty at times.
    for (let step = 0; step < 4 * limit; step++) {
      const number = randomBelow(random, limit);
      const adds = random() < (Math.floor(step / limit) % 2 === 0 ? 0.9 : 0.1);
      const changed = adds ? set.add(BigInt(number)) : set.delete(BigInt(number));
      assert.equal(changed, adds !== model.has(number));
      if (adds) model.add(number);
      else model.delete(number);
      assert.equal(set.has(BigInt(number)), adds);
      assert.equal(set.size, BigInt(model.size));
      let lowest = 0;
      while (model.has(lowest)) lowest++;
      assert.equal(set.lowestAbsent(), lowest < limit ? BigInt(lowest) : undefined);
    }
  }
});
