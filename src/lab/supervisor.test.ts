import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { BoundedLog } from './bounded-log.ts';
import { type ProcessState, Supervisor } from './supervisor.ts';

/** A supervisor of a shell script; `delays` are those that it would have waited, `until` waits for a state. */
function supervise(t: TestContext, script: string) {
  const log = new BoundedLog(join(tempDir(t), 'x.log'));
  const delays: number[] = [];
  const clock: Clock = { ...systemClock, sleep: async (ms) => void delays.push(ms) };
  const changes = new EventTarget();
  const supervisor = new Supervisor({
    name: 'x',
    argv: () => ['sh', '-c', script],
    log,
    clock,
    onChange: () => changes.dispatchEvent(new Event('change')),
  });
  const until = async (condition: (state: ProcessState) => boolean) => {
    while (!condition(supervisor.state)) await once(changes, 'change');
    return supervisor.state;
  };
  const end = new AbortController();
  const running = supervisor.run(end.signal);
  const stop = () => {
    end.abort();
    return running;
  };
  t.after(stop);
  return { supervisor, delays, log, until, stop };
}

test('a process is ready when it says so, with what it says', async (t) => {
  const { supervisor } = supervise(t, 'echo starting; echo "ready https://x"; exec sleep infinity');
  assert.equal(await supervisor.firstReady, 'https://x');
  assert.equal(supervisor.state.phase, 'ready');
});

test('a killed process is started again and how it ended is kept', async (t) => {
  const { supervisor, until, delays } = supervise(t, 'echo ready; exec sleep infinity');
  await supervisor.firstReady;
  process.kill(supervisor.state.pid ?? 0, 'SIGKILL');
  const state = await until(({ phase, restarts }) => phase === 'ready' && restarts === 1);
  assert.equal(state.lastEnd, 'SIGKILL');
  assert.deepEqual(delays, [100]);
});

test('failures in a row are retried later and later', async (t) => {
  const { until, delays } = supervise(t, 'exit 1');
  await until(({ restarts }) => restarts === 8);
  assert.deepEqual(delays.slice(0, 8), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test('who waits for a process that only fails is told its last words', async (t) => {
  const { supervisor } = supervise(t, 'echo "port in use" >&2; exit 4');
  await assert.rejects(supervisor.firstReady, /x does not start \(exit status 4\)[\s\S]*port in use/);
});

test('the last words are those of its last life alone', async (t) => {
  const { supervisor } = supervise(t, 'echo "my words" >&2; exit 4');
  await assert.rejects(supervisor.firstReady, (error: Error) => error.message.split('my words').length === 2);
});

test('a program that does not exist is a failure like others', async (t) => {
  const log = new BoundedLog(join(tempDir(t), 'x.log'));
  const end = new AbortController();
  const clock: Clock = { now: () => 0, steady: () => 0, sleep: async () => {} };
  const supervisor = new Supervisor({ name: 'x', argv: () => ['/no/such/program'], log, clock, onChange: () => {} });
  const running = supervisor.run(end.signal);
  await assert.rejects(supervisor.firstReady, /cannot run \/no\/such\/program/);
  end.abort();
  await running;
});

test('the end is SIGTERM, so that the process can say goodbye', async (t) => {
  const goodbye = join(tempDir(t), 'goodbye');
  writeFileSync(goodbye, '');
  const script = `trap 'echo bye > ${goodbye}; exit 0' TERM; echo ready; while :; do sleep 0.02; done`;
  const { supervisor, stop } = supervise(t, script);
  await supervisor.firstReady;
  await stop();
  assert.equal(readFileSync(goodbye, 'utf8'), 'bye\n');
  assert.equal(supervisor.state.phase, 'stopped');
});

test('a process that is held ends and does not run again before it is released', async (t) => {
  const { supervisor, until, delays } = supervise(t, 'echo ready; exec sleep infinity');
  await supervisor.firstReady;
  supervisor.hold('SIGKILL');
  const held = await until(({ phase }) => phase === 'stopped');
  assert.deepEqual([held.pid, held.lastEnd], [undefined, 'SIGKILL']);
  supervisor.release();
  const again = await until(({ phase }) => phase === 'ready');
  assert.deepEqual([again.restarts, delays], [0, []]);
});

test('a process that is held while it would be started again is not', async (t) => {
  const { supervisor, until, stop } = supervise(t, 'exit 1');
  await until(({ restarts }) => restarts === 2);
  supervisor.hold();
  await until(({ phase }) => phase === 'stopped');
  await stop();
  assert.equal(supervisor.state.phase, 'stopped');
});
