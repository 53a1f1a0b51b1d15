import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventRecorder } from '../../client/events.ts';
import { fakeClient } from '../../client/fake.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger as log } from '../../host/log.ts';
import { minutes } from '../../lib/duration.ts';
import { Refusals } from './refusals.ts';

const WEB = 'default/web';

function setup() {
  const clock = new FakeClock();
  const events = new EventRecorder({ client: fakeClient(), component: 'test', clock, log });
  const tried: string[] = [];
  const refusals = new Refusals({ events, clock, log, retry: (service) => tried.push(service) });
  const controller = new AbortController();
  const note = (...refused: readonly string[]) => {
    const reasons = refused.map((service) => ({ service, error: new Error('no') }));
    refusals.note([WEB], reasons, () => undefined, controller.signal);
  };
  return { clock, refusals, tried, note };
}

test('a Service that changes while it is refused is tried again once', async () => {
  const { clock, tried, note } = setup();
  for (let i = 0; i < 100; i++) note(WEB);
  await clock.advance(minutes(60));
  assert.deepEqual(tried, [WEB]);
});

test('it waits longer each time, and is left alone once it is taken', async () => {
  const { clock, refusals, tried, note } = setup();
  for (const [due, before] of [
    [6_000, 4_900],
    [12_000, 9_900],
    [24_000, 19_900],
  ] as const) {
    note(WEB);
    await clock.advance(before);
    assert.deepEqual(tried.splice(0), []);
    await clock.advance(due - before);
    assert.deepEqual(tried.splice(0), [WEB]);
  }
  note(WEB);
  note();
  assert.deepEqual(refusals.services(), []);
  await clock.advance(minutes(60));
  assert.deepEqual(tried, []);
});
