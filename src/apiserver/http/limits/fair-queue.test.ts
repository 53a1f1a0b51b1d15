import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../../lib/random.ts';
import { FairQueue, type Waiter } from './fair-queue.ts';

const wide = { seats: 4, seatsPerFlow: 4, queueLength: 100, queueTotal: 1000 };

/** Lets all ask in turn, and returns in which order those who had to wait got their seats. */
async function orderOf(queue: FairQueue, flows: readonly string[], until: number): Promise<string[]> {
  const order: string[] = [];
  const seated: string[] = [];
  for (const flow of flows) {
    const entry = queue.enter(flow);
    if (entry.kind === 'seated') seated.push(flow);
    if (entry.kind === 'waiting') void entry.seated.then(() => order.push(flow) && seated.push(flow));
  }
  while (order.length < until) {
    queue.leave(seated.shift() ?? '');
    await Promise.resolve();
  }
  return order;
}

describe('a queue that is fair', () => {
  it('serves one flow after the other, however many of one there are', async () => {
    const queue = new FairQueue({ ...wide, seats: 1 });
    const order = await orderOf(queue, ['a', 'a', 'a', 'a', 'b', 'b', 'c'], 6);
    assert.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'a']);
  });

  it('keeps seats free for others of one that has as many as it may', () => {
    const queue = new FairQueue({ ...wide, seatsPerFlow: 2 });
    const kinds = ['a', 'a', 'a', 'b'].map((flow) => queue.enter(flow).kind);
    assert.deepEqual(kinds, ['seated', 'seated', 'waiting', 'seated']);
  });

  it('refuses one that waits too often, and all when too many wait', () => {
    const queue = new FairQueue({ seats: 1, seatsPerFlow: 1, queueLength: 2, queueTotal: 3 });
    const kinds = ['a', 'a', 'a', 'a', 'b', 'c'].map((flow) => queue.enter(flow).kind);
    assert.deepEqual(kinds, ['seated', 'waiting', 'waiting', 'refused', 'waiting', 'refused']);
  });

  it('forgets who gave up, unless the seat came first', async () => {
    const queue = new FairQueue({ ...wide, seats: 1 });
    queue.enter('a');
    const [first, second] = [queue.enter('b'), queue.enter('c')];
    assert.ok(first.kind === 'waiting' && second.kind === 'waiting');
    assert.equal(queue.giveUp(first.waiter), true);
    queue.leave('a');
    await second.seated;
    assert.equal(queue.giveUp(second.waiter), false);
    queue.leave('c');
    assert.deepEqual([queue.seated, queue.waiting], [0, 0]);
  });

  it('never gives more seats than there are, leaves none free that somebody waits for, and loses nobody', async () => {
    const random = seededRandom(Number(process.env['SEED'] ?? 7));
    const options = { seats: 5, seatsPerFlow: 2, queueLength: 4, queueTotal: 12 };
    const queue = new FairQueue(options);
    const seated: string[] = [];
    const waiting = new Set<Waiter>();
    for (let step = 0; step < 5000; step++) {
      const flow = `f${Math.floor(random() * 8)}`;
      const act = random();
      if (act < 0.5) {
        const entry = queue.enter(flow);
        if (entry.kind === 'seated') seated.push(flow);
        if (entry.kind === 'waiting') {
          waiting.add(entry.waiter);
          void entry.seated.then(() => waiting.delete(entry.waiter) && seated.push(flow));
        }
      } else if (act < 0.9 && seated.length > 0) {
        queue.leave(seated.splice(Math.floor(random() * seated.length), 1)[0] ?? '');
      } else {
        const [waiter] = waiting;
        if (waiter !== undefined && queue.giveUp(waiter)) waiting.delete(waiter);
      }
      await Promise.resolve();
      const count = (name: string) => seated.filter((each) => each === name).length;
      assert.equal(queue.seated, seated.length);
      assert.equal(queue.waiting, waiting.size);
      assert.ok(seated.length <= options.seats && seated.every((name) => count(name) <= options.seatsPerFlow));
      const couldSit = [...waiting].some((waiter) => count(waiter.flow) < options.seatsPerFlow);
      assert.ok(seated.length === options.seats || !couldSit, `step ${step}: a seat is free and somebody waits`);
    }
  });
});
