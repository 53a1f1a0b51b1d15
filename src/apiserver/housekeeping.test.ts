import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { CompactedError } from '../store/store.ts';
import { keepHouse } from './housekeeping.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const EVENTS = '/api/v1/namespaces/default/events';
const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
let api: TestServer;
before(async () => {
  api = await startTestServer({ clock });
});
after(() => api?.close());

const event = (name: string, lastTimestamp: string) => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name },
  involvedObject: { kind: 'Node', name: 'n' },
  type: 'Normal',
  reason: 'Test',
  lastTimestamp,
});

/** Lets time pass until `done`, giving everything else its turn. */
async function passUntil(done: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    await clock.advance(60_000);
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (await done()) return;
  }
  assert.fail('it did not happen within 200 minutes');
}

test('forgets Events an hour after they were last seen, and no others', async () => {
  assert.equal((await api.call('POST', EVENTS, { body: event('old', '2026-01-01T00:00:00Z') })).code, 201);
  await api.call('POST', EVENTS, { body: event('new', '2026-01-03T00:00:00Z') });
  await passUntil(async () => (await api.call('GET', `${EVENTS}/old`)).code === 404);
  const passed = clock.now() - Date.parse('2026-01-01T00:00:00Z');
  assert.ok(passed >= 3_600_000 && passed <= 3_900_000, `${passed} ms`);
  assert.equal((await api.call('GET', `${EVENTS}/new`)).code, 200);
});

test('forgets history after a few minutes', async () => {
  const from = await api.store.revision();
  await api.call('POST', EVENTS, { body: event('later', '2026-01-03T00:00:00Z') });
  await passUntil(async () => {
    try {
      await api.store.get('/registry/nothing', from);
      return false;
    } catch (error) {
      assert.ok(error instanceof CompactedError);
      return true;
    }
  });
});

test('leaves it to another server whenever that one comes first', async (t) => {
  const end = new AbortController();
  t.after(() => end.abort());
  const did: string[] = [];
  const store = {
    revision: async () => 7,
    compact: async () => void did.push('compacts'),
    list: async () => {
      did.push('looks at Events');
      return { entries: [], revision: 7, remaining: 0 };
    },
  };
  const own = new FakeClock();
  let isMine = false;
  void keepHouse({ store, clock: own, log: silentLogger } as never, end.signal, () => isMine);
  const pass = async () => {
    for (let i = 0; i < 4; i++) {
      await own.advance(300_000);
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await pass();
  assert.deepEqual(did, []);
  isMine = true;
  await pass();
  assert.deepEqual([...new Set(did)], ['compacts', 'looks at Events']);
});
