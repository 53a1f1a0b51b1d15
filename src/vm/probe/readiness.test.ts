import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import type { AttemptResult } from './attempt.ts';
import { nextState, type ProbeState, type Readiness, watchReadiness } from './readiness.ts';

const V4 = '10.244.1.2';
const V6 = 'fd00::2';
const PROBE = { httpGet: { path: '/', port: 9376 }, periodSeconds: 10 };

/** A guest whose addresses answer from the given times on (milliseconds after its start). */
function watched(answersFrom: Readonly<Record<string, number>>, { probe = PROBE, wasReady = false } = {}) {
  const clock = new FakeClock(0);
  const seen: Readiness[] = [];
  const stop = new AbortController();
  const tries: number[] = [];
  const attempt = async (_: unknown, address: string): Promise<AttemptResult> => {
    tries.push(clock.now());
    return clock.now() >= (answersFrom[address] ?? Number.POSITIVE_INFINITY)
      ? { ok: true }
      : { ok: false, why: 'refused' };
  };
  const addresses = Object.keys(answersFrom);
  const onChange = (readiness: Readiness) => seen.push(readiness);
  const done = watchReadiness({ probe, addresses, startedAt: 0, wasReady, clock, attempt, onChange }, stop.signal);
  const pass = async (ms: number) => {
    for (let i = 0; i < ms / 50; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(50);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  const end = async () => {
    stop.abort();
    await done;
  };
  return { clock, seen, tries, pass, end };
}

test('a guest is ready once every one of its addresses answers, and is tried often until then', async () => {
  const guest = watched({ [V4]: 2000, [V6]: 3000 });
  await guest.pass(2900);
  assert.equal(guest.seen.at(-1)?.ready, false);
  await guest.pass(300);
  assert.deepEqual(guest.seen.at(-1), { ready: true, why: '', late: false });
  assert.ok(guest.tries.length >= 40, `only ${guest.tries.length} tries in 3 s`);
  await guest.end();
});

test('a guest that takes a minute to boot is found ready within a twentieth of that', async () => {
  const guest = watched({ [V4]: 60_000 });
  await guest.pass(63_200);
  assert.equal(guest.seen.at(-1)?.ready, true);
  assert.ok(guest.tries.length < 150, `${guest.tries.length} tries: as often as at first`);
  await guest.end();
});

test('a guest that does not answer for 30 s is late, and says which address and why', async () => {
  const guest = watched({ [V4]: 0, [V6]: Number.POSITIVE_INFINITY });
  await guest.pass(45_000);
  assert.deepEqual(guest.seen.at(-1), { ready: false, why: '[fd00::2]:9376: refused', late: true });
  assert.equal(guest.seen.length, 2, 'told more often than it changed');
  await guest.end();
});

test('a ready guest is tried once a period, and the news is not repeated', async () => {
  const guest = watched({ [V4]: 0 });
  await guest.pass(500);
  const before = guest.tries.length;
  await guest.pass(30_000);
  assert.equal(guest.tries.length - before, 3);
  assert.equal(guest.seen.length, 2);
  await guest.end();
});

test('a guest that is found again stays ready until its probe has failed as often as it takes', async () => {
  const guest = watched({ [V4]: Number.POSITIVE_INFINITY }, { wasReady: true });
  await guest.pass(19_000);
  assert.deepEqual(guest.seen, [{ ready: true, why: '', late: false }]);
  await guest.pass(2000);
  assert.equal(guest.seen.at(-1)?.ready, false);
  await guest.end();
});

test('a guest without a probe is ready as soon as it runs', async () => {
  const clock = new FakeClock(0);
  const seen: Readiness[] = [];
  const attempt = async (): Promise<AttemptResult> => assert.fail('nothing is to be tried');
  const common = { probe: undefined, addresses: [V4], startedAt: 0, wasReady: false, clock, attempt };
  await watchReadiness({ ...common, onChange: (readiness) => seen.push(readiness) }, new AbortController().signal);
  assert.deepEqual(seen, [{ ready: true, why: '', late: false }]);
});

test('it takes as many failures in a row as the threshold says, and a success in between begins anew', () => {
  const ready: ProbeState = { readiness: { ready: true, why: '', late: false }, inRow: 0 };
  const failing = ['x: refused'];
  const one = nextState(ready, failing, { failureThreshold: 2 }, true);
  assert.equal(one.readiness.ready, true);
  assert.equal(nextState(nextState(one, [], {}, true), failing, { failureThreshold: 2 }, true).readiness.ready, true);
  const two = nextState(one, failing, { failureThreshold: 2 }, true);
  assert.deepEqual(two.readiness, { ready: false, why: 'x: refused', late: true });
});
