import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../../host/clock.ts';
import { silentLogger } from '../../../../host/log.ts';
import { OciError } from '../calls.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';
import { environmentOf, SdkThread, type Thread } from './thread.ts';

const CALL = { service: 'network', operation: 'getVcn', request: { vcnId: 'v' }, limit: 1000 } as const;
const DATA: ThreadData = {
  credentials: { kind: 'instance-principal' },
  region: 'us-phoenix-1',
  endpoints: {},
  ca: undefined,
};

describe('the thread that has the SDK', () => {
  it('has of the environment what is there, and no secrets of others', () => {
    const all = { HOME: '/root', OCI_DEFAULT_REALM: undefined, AWS_SECRET_ACCESS_KEY: 'x' };
    // As a thread has it: a value that is not there would be the text `undefined`.
    assert.deepEqual(Object.entries(environmentOf(all)), [['HOME', '/root']]);
  });

  it('brings each answer to the call that it is of', async () => {
    const { thread, threads } = started();
    const first = thread.call(CALL);
    const second = thread.call(CALL);
    threads[0]?.say({ kind: 'answer', id: 2, response: 'b' });
    threads[0]?.say({ kind: 'answer', id: 1, response: 'a' });
    // Nobody waits for these.
    threads[0]?.say({ kind: 'answer', id: 1, response: 'again' });
    threads[0]?.say({ kind: 'failure', id: 99, failure: { code: 'Timeout', message: 'late' } });
    assert.deepEqual(await Promise.all([first, second]), ['a', 'b']);
  });

  it('has started when the SDK is loaded, and also when it cannot be', async () => {
    const good = started();
    good.threads[0]?.say({ kind: 'ready' });
    await good.loaded;
    const bad = started();
    bad.threads[0]?.end(new Error('EACCES'));
    await bad.loaded;
    const stopped = started();
    stopped.ended.abort();
    await stopped.loaded;
  });

  it('fails the calls of a thread that ends, as may pass, and starts another', async () => {
    const { thread, threads, clock } = started();
    const lost = failureOf(thread.call(CALL));
    threads[0]?.end(new Error('out of memory'));
    const failed = await lost;
    assert.equal(failed.code, 'Unreachable');
    assert.equal((await failureOf(thread.call(CALL))).code, 'NotSent');
    await clock.advance(1000);
    assert.equal(threads.length, 2);
    const answered = thread.call(CALL);
    threads[1]?.say({ kind: 'answer', id: threads[1].posted[0]?.id ?? 0, response: 'ok' });
    assert.equal(await answered, 'ok');
  });

  it('starts a thread that keeps failing ever more seldom', async () => {
    const { threads, clock } = started();
    const waits: number[] = [];
    for (let n = 0; n < 9; n++) {
      const ended = clock.now();
      threads.at(-1)?.end(new Error('again'));
      while (threads.length === n + 1) await clock.advance(1000);
      waits.push((clock.now() - ended) / 1000);
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('replaces a thread that does not even say that time is up', async () => {
    const { thread, threads, clock } = started();
    const lost = failureOf(thread.call(CALL));
    await clock.advance(CALL.limit + 9_000);
    assert.equal(threads[0]?.isTerminated, false);
    await clock.advance(1_000);
    assert.equal(threads[0]?.isTerminated, true);
    threads[0]?.end(undefined);
    assert.equal((await lost).code, 'Unreachable');
    await clock.advance(1_000);
    assert.equal(threads.length, 2);
  });

  it('does not ask again for what is no plain data', async () => {
    const { thread } = started();
    const failed = await failureOf(thread.call({ ...CALL, request: { vcnId: () => 'v' } }));
    assert.equal(failed.status, 400);
    assert.match(failed.message, /^getVcn: its request is no plain data/);
  });

  it('ends with its signal, and so do its calls', async () => {
    const { thread, threads, clock, ended } = started();
    const lost = failureOf(thread.call(CALL));
    ended.abort();
    assert.equal((await lost).code, 'Unreachable');
    assert.equal((await failureOf(thread.call(CALL))).code, 'NotSent');
    assert.equal(threads[0]?.isTerminated, true);
    threads[0]?.end(undefined);
    await clock.advance(120_000);
    assert.equal(threads.length, 1);
  });
});

class FakeThread implements Thread {
  readonly posted: ToThread[] = [];
  isTerminated = false;
  #onMessage = (_: FromThread) => {};
  #onExit = (_: Error | undefined) => {};

  post(message: ToThread): void {
    this.posted.push(structuredClone(message));
  }
  onMessage(listener: (message: FromThread) => void): void {
    this.#onMessage = listener;
  }
  onExit(listener: (error: Error | undefined) => void): void {
    this.#onExit = listener;
  }
  terminate(): void {
    this.isTerminated = true;
  }
  say(message: FromThread): void {
    this.#onMessage(message);
  }
  end(error: Error | undefined): void {
    this.#onExit(error);
  }
}

function started() {
  const clock = new FakeClock();
  const ended = new AbortController();
  const threads: FakeThread[] = [];
  const startThread = () => {
    const thread = new FakeThread();
    threads.push(thread);
    return thread;
  };
  const thread = new SdkThread({ data: DATA, clock, log: silentLogger, startThread });
  const loaded = thread.start(ended.signal);
  return { thread, loaded, threads, clock, ended };
}

async function failureOf(call: Promise<unknown>): Promise<OciError> {
  const error = await call.then(
    () => assert.fail('it was answered'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OciError, String(error));
  return error;
}
