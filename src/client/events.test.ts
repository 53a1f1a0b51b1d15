import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Event } from '../api/core/v1/event.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { TransportError } from './client.ts';
import { EventRecorder } from './events.ts';
import { fakeClient } from './fake.ts';

const about: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'ns', uid: 'u1' },
};

function setup() {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const client = fakeClient();
  const recorder = new EventRecorder({ client, component: 'test', clock, log: silentLogger });
  const stored = async () =>
    (await client.list(Event)).items.map(({ reason, count, lastTimestamp }) => [reason, count, lastTimestamp]);
  return { clock, client, recorder, stored };
}

describe('an event recorder', () => {
  it('counts repeats in one Event and keeps different ones apart', async () => {
    const { clock, recorder, stored } = setup();
    recorder.event(about, 'Normal', 'Made', 'it is made');
    await recorder.flush();
    await clock.advance(60_000);
    recorder.event(about, 'Normal', 'Made', 'it is made');
    recorder.event(about, 'Warning', 'Broken', 'it is broken');
    await recorder.flush();
    assert.deepEqual(await stored(), [
      ['Made', 2, '2026-01-01T00:01:00Z'],
      ['Broken', 1, '2026-01-01T00:01:00Z'],
    ]);
  });

  it('writes a burst of repeats at once', async () => {
    const { client, recorder, stored } = setup();
    for (let i = 0; i < 100; i++) recorder.event(about, 'Normal', 'Made', 'it is made');
    await recorder.flush();
    assert.deepEqual(await stored(), [['Made', 100, '2026-01-01T00:00:00Z']]);
    assert.equal(client.writes.length, 1);
  });

  it('begins a new Event when the old one has expired', async () => {
    const { client, recorder, stored } = setup();
    recorder.event(about, 'Normal', 'Made', 'it is made');
    await recorder.flush();
    const [event] = (await client.list(Event)).items;
    client.remove(Event, { namespace: 'ns', name: event?.metadata.name ?? '' });
    recorder.event(about, 'Normal', 'Made', 'it is made');
    await recorder.flush();
    assert.deepEqual(await stored(), [['Made', 1, '2026-01-01T00:00:00Z']]);
  });

  it('tells what others on other nodes tell of the same object in the same millisecond', async () => {
    const { clock, client, stored } = setup();
    for (let node = 0; node < 3; node++) {
      const recorder = new EventRecorder({ client, component: 'test', host: `n${node}`, clock, log: silentLogger });
      recorder.event(about, 'Normal', `Made by n${node}`, 'it is made');
      await recorder.flush();
    }
    assert.equal((await stored()).length, 3);
  });

  it('outlives a server that cannot be reached', async () => {
    const { client, recorder, stored } = setup();
    client.failWith(() => new TransportError('down'));
    recorder.event(about, 'Normal', 'Made', 'it is made');
    await recorder.flush();
    client.failWith(undefined);
    recorder.event(about, 'Normal', 'Made', 'it is made');
    await recorder.flush();
    assert.deepEqual(await stored(), [['Made', 2, '2026-01-01T00:00:00Z']]);
  });
});
