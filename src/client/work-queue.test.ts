import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { conflict } from '../api/status.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { runController } from './controller.ts';
import { eventually, settle } from './testing.ts';
import { WorkQueue } from './work-queue.ts';

describe('a work queue', () => {
  it('gives a key once however often it was added', async () => {
    const queue = new WorkQueue();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    assert.equal(queue.length, 2);
    assert.deepEqual([await queue.take(), await queue.take()], ['a', 'b']);
  });

  it('never gives a key that is being worked on, and gives it again afterwards when it was added meanwhile', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    assert.equal(await queue.take(), 'a');
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.equal(await queue.take(), 'a');
    queue.done('a');
    assert.equal(queue.length, 0);
  });

  it('delays by as much as was asked for, whatever the wall clock is set to meanwhile', async () => {
    for (const by of [3_600_000, -3_600_000]) {
      const clock = new FakeClock();
      const queue = new WorkQueue({ clock });
      queue.addAfter('a', 1000);
      clock.set(by);
      queue.addAfter('a', 60_000);
      await clock.advance(1000);
      await settle(1);
      assert.equal(queue.length, 1);
    }
  });

  it('lets what comes go before what was there from the start, which gets every fourth turn', async () => {
    const queue = new WorkQueue();
    const take = async (): Promise<string> => {
      const key = (await queue.take()) ?? '';
      queue.done(key);
      return key;
    };
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    assert.equal(await take(), 'a');
    for (const key of ['x', 'd', 'y', 'z']) queue.add(key);
    assert.equal(queue.length, 7);
    const order: string[] = [];
    while (queue.length > 0) order.push(await take());
    assert.deepEqual(order, ['x', 'd', 'y', 'b', 'z', 'c', 'e']);
  });

  it('lets the earliest of several delayed adds hold', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('a', 1000);
    queue.addAfter('a', 200);
    queue.addAfter('a', 5000);
    await clock.advance(199);
    assert.equal(queue.length, 0);
    await clock.advance(1);
    await settle(1);
    assert.equal(await queue.take(), 'a');
    queue.done('a');
    await clock.advance(10_000);
    assert.equal(queue.length, 0);
  });

  it('waits longer after each failure, until the key is forgotten', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    const waits: number[] = [];
    for (const forget of [false, false, false, true]) {
      queue.addRateLimited('a');
      const start = clock.now();
      while (queue.length === 0) {
        await clock.advance(1);
        await Promise.resolve();
      }
      waits.push(clock.now() - start);
      queue.done((await queue.take()) ?? '');
      if (forget) queue.forget('a');
    }
    assert.deepEqual(waits, [5, 10, 20, 40]);
    assert.equal(queue.failures('a'), 0);
  });

  it('wakes those who wait when it is closed', async () => {
    const queue = new WorkQueue();
    const taken = queue.take();
    queue.close();
    assert.equal(await taken, undefined);
    queue.add('late');
    assert.equal(await queue.take(), undefined);
  });
});

describe('a controller', () => {
  it('retries what failed, and works on no key twice at a time', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    const ended = new AbortController();
    const working = new Set<string>();
    let runs = 0;
    const reconcile = async (key: string) => {
      assert.ok(!working.has(key));
      working.add(key);
      await settle(2);
      working.delete(key);
      if (++runs === 1) throw conflict({ group: '', kind: 'Pod', plural: 'pods' }, 'x', 'changed');
    };
    const running = runController({ name: 'test', queue, reconcile, log: silentLogger }, ended.signal);
    queue.add('a');
    await eventually(() => runs === 1 && working.size === 0);
    queue.add('a');
    queue.add('a');
    await eventually(async () => {
      await clock.advance(5);
      return runs === 3;
    });
    ended.abort();
    await running;
  });

  it('lets others have their turn while there is nothing to do for many keys', async () => {
    const queue = new WorkQueue();
    for (let i = 0; i < 20_000; i++) queue.add(`k${i}`);
    const end = new AbortController();
    let turns = 0;
    const running = runController(
      {
        ...{ name: 'test', queue, log: silentLogger, workers: 1 },
        reconcile: async (key) => {
          for (const until = performance.now() + 0.01; performance.now() < until; );
          if (key === 'k19999') end.abort();
        },
      },
      end.signal,
    );
    const turning = (async () => {
      for (; !end.signal.aborted; turns++) await settle(1);
    })();
    await Promise.all([running, turning]);
    assert.ok(turns > 20, `${turns} turns`);
  });
});
