import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { WatchTimes } from './watch-times.ts';

/** A timetable, what it has asked of its store, and whom it has called. */
function timetable() {
  const clock = new FakeClock();
  const [asked, called]: [number[], string[]] = [[], []];
  const times = new WatchTimes(clock, { revision: async () => asked.push(clock.steady()) });
  const due = (name: string) => ({
    due: (newest: () => Promise<number>) => {
      called.push(`${name} ${clock.steady()}`);
      void newest();
    },
  });
  return { clock, times, asked, called, due };
}

describe('the times at which watches are due', () => {
  it('come no sooner, and for those that are close together at once: the store is asked once for all of them', async () => {
    const { clock, times, asked, called, due } = timetable();
    for (const [name, at] of [
      ['a', 1010],
      ['b', 1200],
      ['c', 1300],
    ] as const)
      times.enter(at, due(name));
    await clock.advance(1249);
    assert.deepEqual(called, []);
    await clock.advance(5000);
    assert.deepEqual(called, ['a 1250', 'b 1250', 'c 1500']);
    assert.deepEqual(asked, [1250, 1500]);
  });

  it('do not come for those that have left', async () => {
    const { clock, times, called, due } = timetable();
    const [a, b] = [due('a'), due('b')];
    times.leave(times.enter(1000, a), a);
    const slot = times.enter(1000, b);
    times.leave(slot, a);
    await clock.advance(5000);
    times.leave(slot, b);
    assert.deepEqual(called, ['b 1000']);
  });

  it('come for all, however many they are', async () => {
    const { clock, times, called, due } = timetable();
    for (let i = 0; i < 1000; i++) times.enter(1000, due(`${i}`));
    await clock.advance(1000);
    while (called.length < 1000) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(new Set(called).size, 1000);
  });
});
