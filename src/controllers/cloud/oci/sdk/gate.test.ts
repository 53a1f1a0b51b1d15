import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../../host/clock.ts';
import { OciError } from '../calls.ts';
import { Gate, type GateOptions } from './gate.ts';

describe('the gate before calls', () => {
  it('lets as many at once through as a bucket holds, and then so many a second', async () => {
    const { gate, clock } = opened({ rate: { qps: 10, bucket: 3 } });
    const went: number[] = [];
    const all = Array.from({ length: 6 }, () => gate.pass(async () => void went.push(clock.now())));
    await turn();
    for (let n = 0; n < 40; n++) await clock.advance(10);
    await Promise.all(all);
    assert.deepEqual(went, [0, 0, 0, 100, 200, 300]);
  });

  it('fills its bucket while nobody comes, and no further than it holds', async () => {
    const { gate, clock } = opened({ rate: { qps: 10, bucket: 2 } });
    const went: number[] = [];
    const pass = () => gate.pass(async () => void went.push(clock.now()));
    await Promise.all([pass(), pass()]);
    await clock.advance(60_000);
    const all = [pass(), pass(), pass()];
    await turn();
    for (let n = 0; n < 20; n++) await clock.advance(10);
    await Promise.all(all);
    assert.deepEqual(went, [0, 0, 60_000, 60_000, 60_100]);
  });

  it('has no more under way than it may, and lets the next in when one has failed', async () => {
    const { gate } = opened({ concurrency: 2 });
    const held = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const began: number[] = [];
    const all = held.map(({ promise }, n) =>
      gate.pass(async () => {
        began.push(n);
        await promise;
      }),
    );
    const settled = Promise.allSettled(all);
    await turn();
    assert.deepEqual(began, [0, 1]);
    held[0]?.reject(new Error('failed'));
    await turn();
    assert.deepEqual(began, [0, 1, 2]);
    for (const { resolve } of held) resolve();
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    );
  });

  it('turns away those for whom there is no room to wait', async () => {
    const { gate, ended } = opened({ concurrency: 1, waiting: 1 });
    const held = Promise.withResolvers<void>();
    const under = gate.pass(() => held.promise);
    await turn();
    const waits = gate.pass(async () => 'done');
    const refused = await failureOf(gate.pass(async () => 'done'));
    assert.equal(refused.code, 'NotSent');
    held.resolve();
    await under;
    assert.equal(await waits, 'done');
    ended.abort();
  });

  it('lets nobody wait, and nobody in, once it is closed', async () => {
    const { gate, ended } = opened({ concurrency: 1, rate: { qps: 1, bucket: 1 } });
    await gate.pass(async () => {});
    const waits = failureOf(gate.pass(async () => {}));
    ended.abort();
    assert.equal((await waits).code, 'NotSent');
    assert.equal((await failureOf(gate.pass(async () => {}))).code, 'NotSent');
  });
});

function opened(options: Partial<GateOptions>) {
  const clock = new FakeClock();
  const ended = new AbortController();
  const gate = new Gate({ clock, rate: undefined, concurrency: 8, waiting: 100, ...options }, ended.signal);
  return { gate, clock, ended };
}

/** Everything that can go on has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function failureOf(work: Promise<unknown>): Promise<OciError> {
  const error = await work.then(
    () => assert.fail('it went through'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OciError);
  return error;
}
